-- Repositories of artifacts. `system` is '' for those that users make; `settings` holds the fields that are stored
-- and given back, and mean nothing here.
CREATE TABLE artifact_repos (
    id {id},
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    package_type TEXT NOT NULL,
    project TEXT NOT NULL,
    system TEXT NOT NULL,
    description TEXT NOT NULL,
    notes TEXT NOT NULL,
    includes TEXT NOT NULL,
    excludes TEXT NOT NULL,
    layout TEXT NOT NULL,
    environments TEXT NOT NULL,
    immutable BOOLEAN NOT NULL,
    deploy_to BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX artifact_repos_key ON artifact_repos (key);

CREATE TABLE virtual_members (
    virtual_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    member_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    PRIMARY KEY (virtual_id, position)
);
CREATE INDEX virtual_members_member ON virtual_members (member_id);

-- The bytes of files, once for each SHA-256. `place` names the bytes in the store of blobs; `used` is when the blob was
-- last put or linked, Unix seconds.
CREATE TABLE blobs (
    id {id},
    sha256 {binary} NOT NULL,
    sha1 {binary} NOT NULL,
    md5 {binary} NOT NULL,
    size BIGINT NOT NULL,
    place TEXT NOT NULL,
    used BIGINT NOT NULL
);
CREATE INDEX blobs_md5 ON blobs (md5);
CREATE UNIQUE INDEX blobs_place ON blobs (place);
CREATE INDEX blobs_sha1 ON blobs (sha1);
CREATE UNIQUE INDEX blobs_sha256 ON blobs (sha256);
CREATE INDEX blobs_used ON blobs (used);

-- Properties of items. Items with equal properties share a set, and a set never changes, so a copy of an item costs one
-- row. `digest` is the SHA-256 of the set; set 1 is the empty one.
CREATE TABLE property_sets (
    id {id},
    digest TEXT NOT NULL
);
CREATE UNIQUE INDEX property_sets_digest ON property_sets (digest);
INSERT INTO property_sets (digest) VALUES ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE TABLE properties (
    set_id BIGINT NOT NULL REFERENCES property_sets (id) ON DELETE CASCADE,
    key {binary} NOT NULL,
    position BIGINT NOT NULL,
    value {binary} NOT NULL,
    PRIMARY KEY (set_id, key, position)
);
CREATE INDEX properties_value ON properties (key, value, set_id);

-- Files and folders. `path` is the folder of the item, '.' at the top; the folder of a whole repository has path and name
-- '.'. Times are Unix milliseconds.
CREATE TABLE items (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    path {binary} NOT NULL,
    name {binary} NOT NULL,
    folder BOOLEAN NOT NULL,
    depth BIGINT NOT NULL,
    blob_id BIGINT REFERENCES blobs (id),
    set_id BIGINT NOT NULL REFERENCES property_sets (id),
    mime TEXT NOT NULL,
    sent TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    modified BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX items_blob ON items (blob_id);
CREATE UNIQUE INDEX items_path ON items (repo_id, path, name);
CREATE INDEX items_set ON items (set_id);

CREATE TABLE item_stats (
    item_id BIGINT PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    downloads BIGINT NOT NULL,
    last BIGINT NOT NULL,
    last_by TEXT NOT NULL
);

CREATE TABLE groups (
    id {id},
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    auto_join BOOLEAN NOT NULL,
    settings TEXT NOT NULL
);
CREATE UNIQUE INDEX groups_name ON groups (name);

CREATE TABLE group_members (
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE permission_targets (
    id {id},
    name TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX permission_targets_name ON permission_targets (name);

CREATE TABLE permission_sections (
    target_id BIGINT NOT NULL REFERENCES permission_targets (id) ON DELETE CASCADE,
    section TEXT NOT NULL,
    repositories TEXT NOT NULL,
    includes TEXT NOT NULL,
    excludes TEXT NOT NULL,
    PRIMARY KEY (target_id, section)
);

-- Who may do what: `kind` is user, group, repo (the steps of a git repository) or anonymous.
CREATE TABLE grants (
    target_id BIGINT NOT NULL REFERENCES permission_targets (id) ON DELETE CASCADE,
    section TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    actions TEXT NOT NULL,
    PRIMARY KEY (target_id, section, kind, subject_id)
);
CREATE INDEX grants_subject ON grants (kind, subject_id);

CREATE TABLE environments (
    name TEXT PRIMARY KEY,
    created BIGINT NOT NULL
);

CREATE TABLE projects (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created BIGINT NOT NULL
);

-- Tokens of running stages, which may use the artifact repositories that their git repository was granted.
CREATE TABLE stage_tokens (
    hash TEXT PRIMARY KEY,
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    stage_id BIGINT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    expires BIGINT NOT NULL
);
CREATE INDEX stage_tokens_repo ON stage_tokens (repo_id);
CREATE INDEX stage_tokens_stage ON stage_tokens (stage_id);

-- Publications of build-info; the file of a run is an item, and the run goes with the file.
CREATE TABLE runs (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    item_id BIGINT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    name {binary} NOT NULL,
    number {binary} NOT NULL,
    started BIGINT NOT NULL,
    started_text TEXT NOT NULL,
    published BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    statuses TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX runs_item ON runs (item_id);
CREATE INDEX runs_name ON runs (repo_id, name, started);
CREATE INDEX runs_published ON runs (repo_id, published);
CREATE UNIQUE INDEX runs_started ON runs (repo_id, name, number, started);

CREATE TABLE module_artifacts (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    path TEXT NOT NULL,
    repo TEXT NOT NULL,
    sha1 {binary} NOT NULL,
    md5 {binary} NOT NULL,
    sha256 {binary} NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX module_artifacts_sha1 ON module_artifacts (sha1);

CREATE TABLE module_dependencies (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    scopes TEXT NOT NULL,
    repo TEXT NOT NULL,
    sha1 {binary} NOT NULL,
    md5 {binary} NOT NULL,
    sha256 {binary} NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX module_dependencies_sha1 ON module_dependencies (sha1);

CREATE TABLE build_retention (
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (repo_id, name)
);

-- Promotions of build-info runs. They outlive the run: a record lasts.
CREATE TABLE build_promotions (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    name {binary} NOT NULL,
    number {binary} NOT NULL,
    started BIGINT NOT NULL,
    at BIGINT NOT NULL,
    by_id BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    ci_user TEXT NOT NULL,
    status TEXT NOT NULL,
    comment TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    copy BOOLEAN NOT NULL,
    result TEXT NOT NULL,
    files BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    request TEXT NOT NULL
);
CREATE INDEX build_promotions_number ON build_promotions (repo_id, name, number, id);

CREATE TABLE build_promotion_messages (
    promotion_id BIGINT NOT NULL REFERENCES build_promotions (id) ON DELETE CASCADE,
    part BIGINT NOT NULL,
    messages TEXT NOT NULL,
    PRIMARY KEY (promotion_id, part)
);

-- Modules that stand for another run: `module` is its name, a slash and its number.
CREATE TABLE run_parts (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    module {binary} NOT NULL,
    sha1 {binary} NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX run_parts_module ON run_parts (module);

-- Tokens that the server issues are found by their ids, which their names hold.
CREATE INDEX tokens_name_alone ON tokens (name);

-- A refresh token is good once; it goes with its token.
CREATE TABLE refresh_tokens (
    hash TEXT PRIMARY KEY,
    token_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_token ON refresh_tokens (token_id);

-- API keys are shown again to their accounts, so they are sealed here; the tokens table has their hashes.
CREATE TABLE api_keys (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    data {bytes} NOT NULL
);
CREATE UNIQUE INDEX api_keys_user ON api_keys (user_id);

-- Keys that clients register to sign release bundles with. The private half is not kept.
CREATE TABLE key_pairs (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    alias TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created BIGINT NOT NULL
);
