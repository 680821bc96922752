-- The time zone whose clock the expression of a job is about; empty = UTC.
ALTER TABLE crons ADD COLUMN zone TEXT NOT NULL DEFAULT '';
