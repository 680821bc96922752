-- What must be remembered. Rows outlive what they tell of: nothing refers to anything.
-- `seq`, `previous` and `hash` are 0 and empty until a row is sealed; `about` is the part of `subject` before a `#`.
CREATE TABLE audit (
    id {id},
    at BIGINT NOT NULL,
    verb TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    way TEXT NOT NULL,
    request_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    about TEXT NOT NULL,
    repo_id BIGINT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    seq BIGINT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_verb ON audit (verb, at, id);
CREATE INDEX audit_actor ON audit (lower(actor_name), at, id);
CREATE INDEX audit_about ON audit (about, at, id);
CREATE INDEX audit_repo ON audit (repo_id, at, id) WHERE repo_id <> 0;
CREATE UNIQUE INDEX audit_seq ON audit (seq) WHERE seq <> 0;
CREATE INDEX audit_unsealed ON audit (id) WHERE seq = 0;

-- The end of the chain, in one row: who seals holds the row, and a chain that was cut does not end here.
CREATE TABLE audit_head (
    id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
