-- Whether a deployment promotes that a workflow of the host has made.
ALTER TABLE repos ADD COLUMN workflow_deployments BOOLEAN NOT NULL DEFAULT FALSE;
