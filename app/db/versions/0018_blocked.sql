-- Whether a build waits for approval: it is not over, and one of its stages is blocked.
ALTER TABLE builds ADD COLUMN blocked BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE builds SET blocked = TRUE WHERE status IN ('pending', 'running', 'blocked')
    AND id IN (SELECT build_id FROM stages WHERE status = 'blocked');
CREATE INDEX builds_blocked ON builds (id) WHERE blocked;
CREATE INDEX builds_blocked_number ON builds (repo_id, number) WHERE blocked;

-- What runs in a target: the promotion or rollback that was the last to succeed there.
CREATE INDEX builds_current ON builds (repo_id, deploy_to, finished, number)
    WHERE deploy_to <> '' AND status = 'success';

-- The number of the build that made the entry; it gives the targets of a repository their order.
ALTER TABLE latest ADD COLUMN first_number BIGINT NOT NULL DEFAULT 0;
UPDATE latest SET first_number = coalesce((
    SELECT min(number) FROM builds
    WHERE builds.repo_id = latest.repo_id AND builds.deploy_to = latest.name AND builds.deploy_to <> ''
), 0) WHERE kind = 'deployment';
