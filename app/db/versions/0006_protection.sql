-- The pipeline files of protected repositories that have no signature: what administrators decided about each file, and
-- which file each build has. `number` is the build in which the file was decided upon.
CREATE TABLE decisions (
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    approved BOOLEAN NOT NULL,
    number BIGINT NOT NULL,
    decided BIGINT NOT NULL,
    PRIMARY KEY (repo_id, digest)
);
CREATE TABLE unsigned (
    build_id BIGINT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (build_id)
);

-- The only names that parameters of a repository's builds may have; an empty list: every name.
ALTER TABLE repos ADD COLUMN parameters TEXT NOT NULL DEFAULT '[]';
