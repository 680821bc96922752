-- Everything up to the first promotion.

CREATE TABLE users (
    id {id},
    login TEXT NOT NULL,
    email TEXT NOT NULL,
    avatar TEXT NOT NULL,
    machine BOOLEAN NOT NULL,
    admin BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    synced BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    last_login BIGINT NOT NULL,
    token_hash TEXT NOT NULL
);
CREATE UNIQUE INDEX users_login ON users (lower(login));
CREATE UNIQUE INDEX users_token_hash ON users (token_hash);

CREATE TABLE repos (
    id {id},
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    scm TEXT NOT NULL,
    git_http_url TEXT NOT NULL,
    git_ssh_url TEXT NOT NULL,
    link TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    visibility TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    config_path TEXT NOT NULL,
    trusted BOOLEAN NOT NULL,
    protected BOOLEAN NOT NULL,
    ignore_forks BOOLEAN NOT NULL,
    ignore_pull_requests BOOLEAN NOT NULL,
    auto_cancel_pull_requests BOOLEAN NOT NULL,
    auto_cancel_pushes BOOLEAN NOT NULL,
    auto_cancel_running BOOLEAN NOT NULL,
    timeout BIGINT NOT NULL,
    throttle BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    synced BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    version BIGINT NOT NULL,
    signer {bytes} NOT NULL,
    secret {bytes} NOT NULL
);
CREATE UNIQUE INDEX repos_slug ON repos (namespace, name);

CREATE TABLE permissions (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    can_read BOOLEAN NOT NULL,
    can_write BOOLEAN NOT NULL,
    can_admin BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (user_id, repo_id)
);
CREATE INDEX permissions_repo ON permissions (repo_id);

CREATE TABLE secrets (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    data {bytes} NOT NULL,
    pull_request BOOLEAN NOT NULL,
    pull_request_push BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX secrets_name ON secrets (repo_id, lower(name));

CREATE TABLE builds (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    trigger_by TEXT NOT NULL,
    parent BIGINT NOT NULL,
    status TEXT NOT NULL,
    error TEXT NOT NULL,
    event TEXT NOT NULL,
    action TEXT NOT NULL,
    link TEXT NOT NULL,
    timestamp BIGINT NOT NULL,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    before_sha TEXT NOT NULL,
    after_sha TEXT NOT NULL,
    ref TEXT NOT NULL,
    source_repo TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    author_login TEXT NOT NULL,
    author_name TEXT NOT NULL,
    author_email TEXT NOT NULL,
    author_avatar TEXT NOT NULL,
    sender TEXT NOT NULL,
    params TEXT NOT NULL,
    cron TEXT NOT NULL,
    deploy_to TEXT NOT NULL,
    deploy_id BIGINT NOT NULL,
    debug BOOLEAN NOT NULL,
    started BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX builds_number ON builds (repo_id, number);
CREATE INDEX builds_ref ON builds (repo_id, ref, number);
CREATE INDEX builds_event ON builds (repo_id, event, number);
CREATE INDEX builds_status ON builds (repo_id, status, number);
CREATE INDEX builds_deploy_to ON builds (repo_id, deploy_to, number) WHERE deploy_to <> '';

-- The newest build of each branch, pull request and deployment target.
CREATE TABLE latest (
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    build_id BIGINT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, kind, name)
);
CREATE INDEX latest_build ON latest (build_id);

CREATE TABLE stages (
    id {id},
    repo_id BIGINT NOT NULL,
    build_id BIGINT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT NOT NULL,
    errignore BOOLEAN NOT NULL,
    exit_code BIGINT NOT NULL,
    machine TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    variant TEXT NOT NULL,
    kernel TEXT NOT NULL,
    limit_count BIGINT NOT NULL,
    throttle BIGINT NOT NULL,
    started BIGINT NOT NULL,
    stopped BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    version BIGINT NOT NULL,
    on_success BOOLEAN NOT NULL,
    on_failure BOOLEAN NOT NULL,
    depends_on TEXT NOT NULL,
    labels TEXT NOT NULL,
    runner TEXT NOT NULL
);
CREATE UNIQUE INDEX stages_number ON stages (build_id, number);
CREATE INDEX stages_queue ON stages (id) WHERE status IN ('pending', 'running');

CREATE TABLE steps (
    id {id},
    stage_id BIGINT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT NOT NULL,
    errignore BOOLEAN NOT NULL,
    exit_code BIGINT NOT NULL,
    started BIGINT NOT NULL,
    stopped BIGINT NOT NULL,
    version BIGINT NOT NULL,
    depends_on TEXT NOT NULL,
    image TEXT NOT NULL,
    detached BOOLEAN NOT NULL,
    card_schema TEXT NOT NULL
);
CREATE UNIQUE INDEX steps_number ON steps (stage_id, number);
