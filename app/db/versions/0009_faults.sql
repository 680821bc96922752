-- Whether an administrator of the server has set a job to run more often than the server's minimum allows.
ALTER TABLE crons ADD COLUMN hurried BOOLEAN NOT NULL DEFAULT FALSE;
