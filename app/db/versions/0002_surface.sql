-- The rest of Drone's surface: organisations' secrets, templates, cron jobs, cards, the queue's switch.

CREATE TABLE org_secrets (
    id {id},
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    data {bytes} NOT NULL,
    pull_request BOOLEAN NOT NULL,
    pull_request_push BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX org_secrets_name ON org_secrets (namespace, lower(name));
CREATE INDEX org_secrets_all ON org_secrets (lower(name), namespace);

CREATE TABLE templates (
    id {id},
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (namespace, name);
CREATE INDEX templates_by_name ON templates (name, namespace);

CREATE TABLE crons (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    expr TEXT NOT NULL,
    next BIGINT NOT NULL,
    prev BIGINT NOT NULL,
    event TEXT NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    parent TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX crons_name ON crons (repo_id, name);
CREATE INDEX crons_due ON crons (next) WHERE NOT disabled;

-- What a runner shows beside a step.
CREATE TABLE cards (
    step_id BIGINT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    data TEXT NOT NULL,
    PRIMARY KEY (step_id)
);

-- The pipeline files that were converted, as they were planned: what runs is what was decided upon.
CREATE TABLE converted (
    build_id BIGINT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    PRIMARY KEY (build_id)
);

-- The last build number of repositories that were deleted: no number is ever given twice to one name.
CREATE TABLE retired (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    counter BIGINT NOT NULL,
    PRIMARY KEY (namespace, name)
);

-- What all servers of this database agree on: the queue is paused as long as its row is there.
CREATE TABLE switches (
    name TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE INDEX repos_owner ON repos (user_id);

-- From this number up to the counter every number is a build's; below, purges may have left gaps.
ALTER TABLE repos ADD COLUMN unbroken_from BIGINT NOT NULL DEFAULT 0;
