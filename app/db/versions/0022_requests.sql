-- Requests that a client may send again: each begins one build, whose id is kept. `key` is the client's key of the request, and
-- counts for the account alone; `said` is the digest of what the request asked for.
CREATE TABLE requests (
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    said TEXT NOT NULL,
    build_id BIGINT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, user_id, key)
);
CREATE INDEX requests_build ON requests (build_id);
