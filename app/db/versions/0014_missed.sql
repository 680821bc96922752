-- What a lost delivery would have built. `found_late`: the server itself has found that nothing was built of the change.
ALTER TABLE builds ADD COLUMN found_late BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE deliveries ADD COLUMN found_late BOOLEAN NOT NULL DEFAULT FALSE;

-- When the refs of an enabled repository are compared with what was built. `server` is the host of the repository, or the
-- name of its git server. Times are Unix seconds: `enabled` is 0 if it is not known, `looked` is the last comparison, 0
-- for none, `due` the next one. `tries` counts the attempts that failed since.
CREATE TABLE looks (
    repo_id BIGINT PRIMARY KEY REFERENCES repos (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    looked BIGINT NOT NULL,
    due BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
CREATE INDEX looks_due ON looks (server, due, repo_id);

-- The refs of a repository of whose ids nothing is left to be built.
CREATE TABLE seen_refs (
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    ref TEXT NOT NULL,
    oid TEXT NOT NULL,
    PRIMARY KEY (repo_id, ref)
);
