-- What must still leave for a host: written in the transaction of its cause, deleted once it has left. Times are Unix
-- milliseconds. An entry takes the place of one of the same subject and `part` that has not left: then `version` grows.
-- `owner` is the server that sends the entry now, until it is `due`; other servers leave it alone so long. `state` is
-- `waiting`, or `dead` after the last try.
CREATE TABLE outbox (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    subject TEXT NOT NULL,
    part TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    due BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    error TEXT NOT NULL,
    owner TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX outbox_subject ON outbox (repo_id, kind, subject, part);
CREATE INDEX outbox_due ON outbox (state, host, due, id);
CREATE INDEX outbox_state ON outbox (state, created, id);

-- Whether promotions and rollbacks are shown at the host as deployments.
ALTER TABLE repos ADD COLUMN deployments BOOLEAN NOT NULL DEFAULT TRUE;
