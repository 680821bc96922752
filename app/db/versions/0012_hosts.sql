-- The accounts that people have at hosts. `token` and `refresh` are sealed. `broken` says why the host takes the token no
-- more, `fault` why the last synchronisation failed; both are empty when all is well. Times are Unix seconds: `synced` is
-- the last synchronisation, `due` the next one, 0 for none. A server that synchronises renews its `lease`; one that asks
-- for a new token has the row until `renewing`.
CREATE TABLE host_accounts (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    uid TEXT NOT NULL,
    login TEXT NOT NULL,
    kind TEXT NOT NULL,
    token {bytes} NOT NULL,
    refresh {bytes} NOT NULL,
    expires BIGINT NOT NULL,
    broken TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    synced BIGINT NOT NULL,
    repositories BIGINT NOT NULL,
    found BIGINT NOT NULL,
    fault TEXT NOT NULL,
    due BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    renewing BIGINT NOT NULL
);
CREATE UNIQUE INDEX host_accounts_uid ON host_accounts (host, uid);
CREATE UNIQUE INDEX host_accounts_user ON host_accounts (user_id, host);
CREATE INDEX host_accounts_due ON host_accounts (due, id) WHERE due <> 0;

-- A repository of a host keeps its id there when it is renamed.
CREATE UNIQUE INDEX repos_uid ON repos (scm, uid) WHERE scm <> '';

-- When a host last told the rights; 0 for rights that were given here.
ALTER TABLE permissions ADD COLUMN synced BIGINT NOT NULL DEFAULT 0;
