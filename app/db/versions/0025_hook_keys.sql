-- Keys by which deliveries of a repository are taken beside its own one, sealed, each until a time: while the key of the
-- repository is exchanged.
CREATE TABLE hook_keys (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    key {bytes} NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX hook_keys_repo ON hook_keys (repo_id, id);
