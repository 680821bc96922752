-- What opens an account: several tokens, and the sessions of browsers. Of both only a hash is kept.

-- `repos` names the only repositories that a token is good for, slugs by id; '{}' is all.
CREATE TABLE tokens (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    repos TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT NOT NULL,
    hash TEXT NOT NULL
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE UNIQUE INDEX tokens_name ON tokens (user_id, name);

-- The one token that each account had becomes its default token.
INSERT INTO tokens (user_id, name, scope, repos, created, expires, used, hash)
    SELECT id, 'default', 'admin', '{}', created, 0, 0, token_hash FROM users ORDER BY id;
DROP INDEX users_token_hash;
ALTER TABLE users DROP COLUMN token_hash;

-- A session ends with the token that it was begun with.
CREATE TABLE sessions (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    browser TEXT NOT NULL,
    address TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_hash ON sessions (hash);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_token ON sessions (token_id);
