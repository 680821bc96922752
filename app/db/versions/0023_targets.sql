-- The targets that the pipeline file of a repository's default branch names, in the order of the file, as the newest build
-- of that branch has read the file.
CREATE TABLE declared_targets (
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (repo_id, position)
);
CREATE UNIQUE INDEX declared_targets_name ON declared_targets (repo_id, name);
