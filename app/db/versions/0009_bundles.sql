-- Keys that sign release bundles, and public keys that are trusted. A name has one key that is in use; keys that were
-- replaced or deleted keep their public half, `retired` says since when, Unix seconds.
CREATE TABLE signing_keys (
    id {id},
    name TEXT NOT NULL,
    keyid TEXT NOT NULL,
    type TEXT NOT NULL,
    alias TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created BIGINT NOT NULL,
    retired BIGINT NOT NULL
);
CREATE INDEX signing_keys_keyid ON signing_keys (keyid);
CREATE UNIQUE INDEX signing_keys_name ON signing_keys (name) WHERE retired = 0;
INSERT INTO signing_keys (name, keyid, type, alias, public_key, created, retired)
SELECT name, '', type, alias, public_key, created, 0 FROM key_pairs;
DROP TABLE key_pairs;

-- The private halves, sealed.
CREATE TABLE private_keys (
    id {id},
    key_id BIGINT NOT NULL REFERENCES signing_keys (id) ON DELETE CASCADE,
    data {bytes} NOT NULL
);
CREATE UNIQUE INDEX private_keys_key ON private_keys (key_id);

-- The order in which versions go through environments.
CREATE TABLE environment_order (
    position BIGINT PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX environment_order_name ON environment_order (name);

-- The environments that a section of a permission target lets promote to; a section without any lets promote to all.
CREATE TABLE section_environments (
    target_id BIGINT NOT NULL REFERENCES permission_targets (id) ON DELETE CASCADE,
    section TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (target_id, section, name)
);

-- Versions of release bundles. `sources` is JSON; `manifest` is the SHA-256 of the signed manifest, empty before it is
-- signed. Times are Unix milliseconds.
CREATE TABLE bundles (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    name {binary} NOT NULL,
    version {binary} NOT NULL,
    status TEXT NOT NULL,
    created BIGINT NOT NULL,
    by_id BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    sources TEXT NOT NULL,
    environment TEXT NOT NULL,
    files BIGINT NOT NULL,
    size BIGINT NOT NULL,
    manifest TEXT NOT NULL,
    tag TEXT NOT NULL,
    messages TEXT NOT NULL
);
CREATE UNIQUE INDEX bundles_version ON bundles (repo_id, name, version);
CREATE INDEX bundles_created ON bundles (repo_id, name, created, id);

-- The artifacts of a version as they were when the version was created: `source` is the key of the repository that
-- they came from, which may be gone.
CREATE TABLE bundle_artifacts (
    bundle_id BIGINT NOT NULL REFERENCES bundles (id) ON DELETE CASCADE,
    package_type TEXT NOT NULL,
    path {binary} NOT NULL,
    name {binary} NOT NULL,
    source TEXT NOT NULL,
    blob_id BIGINT NOT NULL REFERENCES blobs (id),
    set_id BIGINT NOT NULL REFERENCES property_sets (id),
    mime TEXT NOT NULL,
    PRIMARY KEY (bundle_id, package_type, path, name)
);
CREATE INDEX bundle_artifacts_blob ON bundle_artifacts (blob_id);
CREATE INDEX bundle_artifacts_set ON bundle_artifacts (set_id);

-- Promotions of versions to environments. `created` names a promotion within its version. A version has one promotion
-- to an environment that is not finished. `repo_id` and `name` are those of the version, for the list of a name.
CREATE TABLE bundle_promotions (
    id {id},
    bundle_id BIGINT NOT NULL REFERENCES bundles (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL,
    name {binary} NOT NULL,
    created BIGINT NOT NULL,
    environment TEXT NOT NULL,
    source_environment TEXT NOT NULL,
    operation TEXT NOT NULL,
    status TEXT NOT NULL,
    by_id BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    included TEXT NOT NULL,
    excluded TEXT NOT NULL,
    properties TEXT NOT NULL,
    targets TEXT NOT NULL,
    reason TEXT NOT NULL,
    files BIGINT NOT NULL,
    messages TEXT NOT NULL
);
CREATE UNIQUE INDEX bundle_promotions_created ON bundle_promotions (bundle_id, created);
CREATE INDEX bundle_promotions_name ON bundle_promotions (repo_id, name, created, id);
CREATE UNIQUE INDEX bundle_promotions_open ON bundle_promotions (bundle_id, environment)
    WHERE status IN ('PENDING', 'PROCESSING', 'STARTED', 'DELETING');

-- The files that completed promotions put into repositories, or found there with the same bytes. A file that is there
-- because of promotions alone goes with the last promotion that claims it: `written` is the time, Unix milliseconds, at
-- which a promotion put the file, which nobody has put since if the file still has that time; 0 for one that was found.
CREATE TABLE bundle_claims (
    promotion_id BIGINT NOT NULL REFERENCES bundle_promotions (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES artifact_repos (id) ON DELETE CASCADE,
    path {binary} NOT NULL,
    name {binary} NOT NULL,
    blob_id BIGINT NOT NULL,
    written BIGINT NOT NULL,
    PRIMARY KEY (promotion_id, repo_id, path, name)
);
CREATE INDEX bundle_claims_path ON bundle_claims (repo_id, path, name);

-- Signed statements about a version, each with the digest of the one before. None is ever changed or deleted while the
-- version is there.
CREATE TABLE bundle_evidence (
    bundle_id BIGINT NOT NULL REFERENCES bundles (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    digest TEXT NOT NULL,
    envelope TEXT NOT NULL,
    PRIMARY KEY (bundle_id, seq)
);

-- Work that is not finished. `owner` is the server that does it, which must renew its `lease`, Unix milliseconds.
CREATE TABLE bundle_work (
    id {id},
    bundle_id BIGINT NOT NULL REFERENCES bundles (id) ON DELETE CASCADE,
    promotion_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    request TEXT NOT NULL,
    owner TEXT NOT NULL,
    lease BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL
);
CREATE UNIQUE INDEX bundle_work_bundle ON bundle_work (bundle_id, promotion_id);
CREATE INDEX bundle_work_lease ON bundle_work (lease, id);
