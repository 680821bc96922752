-- An entry of the outbox may be about no repository, so the table is made anew, with its rows in their order.
CREATE TABLE outbox_kept AS SELECT * FROM outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
    id {id},
    repo_id BIGINT REFERENCES repos (id) ON DELETE CASCADE,
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
INSERT INTO outbox (
    repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, version
)
SELECT repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, version
FROM outbox_kept ORDER BY id;
DROP TABLE outbox_kept;
CREATE UNIQUE INDEX outbox_subject ON outbox (repo_id, kind, subject, part);
CREATE INDEX outbox_due ON outbox (state, host, due, id);
CREATE INDEX outbox_order ON outbox (state, host, id);
CREATE INDEX outbox_state ON outbox (state, created, id);

-- Subscriptions to events: of a repository (`namespace` is empty then), of a namespace (`repo_id` is NULL then), or of the
-- server (both). `url` and `secrets` are sealed; `secrets` is a list, the newest first. `events`, `targets` and `statuses`
-- are lists of patterns, as JSON; an empty list lets everything through. `reason` says why the server made a subscription
-- inactive. `failing_since` is when the first of the attempts failed of which none has succeeded since; 0 for none. Times
-- are Unix milliseconds.
CREATE TABLE webhooks (
    id {id},
    repo_id BIGINT REFERENCES repos (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    url {bytes} NOT NULL,
    format TEXT NOT NULL,
    secrets {bytes} NOT NULL,
    events TEXT NOT NULL,
    targets TEXT NOT NULL,
    statuses TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    failing_since BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    creator TEXT NOT NULL
);
CREATE INDEX webhooks_place ON webhooks (repo_id, namespace, id);

-- What happened, as subscribers are told: `key` is the id that they see, `drone` is Drone's event and action, and `payload`
-- has the facts, as JSON. `type` or `drone` may be empty.
CREATE TABLE webhook_events (
    id {id},
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    drone TEXT NOT NULL,
    payload TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX webhook_events_created ON webhook_events (created, id);

-- One event for one subscription: `state` is `waiting`, `delivered` or `failed`. `request` and `answer` are the last
-- attempt's, as JSON; `attempted` is when it began, `duration` is in milliseconds, `tries` counts all attempts.
CREATE TABLE webhook_deliveries (
    id {id},
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id BIGINT NOT NULL REFERENCES webhook_events (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    attempted BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    duration BIGINT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (webhook_id, state, id);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
