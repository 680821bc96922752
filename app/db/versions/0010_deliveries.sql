-- Webhooks of hosts with an API: `host` is the kind of the host, empty for plain git. `event` is `push`, `pull_request` or
-- `deployment`, and `facts` are all that the host tells of it, as JSON. `twin` is the id of an earlier delivery of the
-- same change, 0 for none.
ALTER TABLE deliveries ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN event TEXT NOT NULL DEFAULT 'push';
ALTER TABLE deliveries ADD COLUMN action TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE deliveries ADD COLUMN twin BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_after ON deliveries (repo_id, after, ref, received);
CREATE INDEX deliveries_repo ON deliveries (repo_id, id);
-- The builds of one commit.
CREATE INDEX builds_after ON builds (repo_id, after_sha, number);
