-- Whether an administrator of the server has set a job to run more often than the server's minimum allows.
ALTER TABLE crons ADD COLUMN hurried BOOLEAN NOT NULL DEFAULT FALSE;

-- Pushes of which a hook has told. `build` is the number of the build, 0 for none yet; a push whose repository cannot
-- be read is tried again when it is `due`, which is 0 for all others.
CREATE TABLE deliveries (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    ref TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    sender TEXT NOT NULL,
    options TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    received BIGINT NOT NULL,
    build BIGINT NOT NULL,
    due BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    error TEXT NOT NULL
);
CREATE UNIQUE INDEX deliveries_name ON deliveries (repo_id, name);
CREATE INDEX deliveries_received ON deliveries (received);
CREATE INDEX deliveries_ref ON deliveries (repo_id, ref, id) WHERE due <> 0;
CREATE INDEX deliveries_waiting ON deliveries (id) WHERE due <> 0;
