-- How plain git repositories are polled, in seconds, 0 for not at all; and whether their commits get notes and tags.
ALTER TABLE repos ADD COLUMN poll BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repos ADD COLUMN git_notes BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE repos ADD COLUMN git_tags BOOLEAN NOT NULL DEFAULT FALSE;

-- What the host of a private repository wants to see: `kind` is `https` with a name and a token, or `ssh` with a private
-- key and the host keys that are believed. `secret` is sealed: the token, or the key.
CREATE TABLE git_credentials (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    known_hosts TEXT NOT NULL,
    secret {bytes} NOT NULL,
    updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX git_credentials_repo ON git_credentials (repo_id);

-- The repositories that are polled. Times are Unix seconds: `seen` is when the refs were listed last, 0 for never; `due`
-- when they are listed next. The server `owner` lists them now, until its `lease` is over. `tries` attempts have failed
-- since then, the last one because of `error`. `refs` are the ids of all refs by name, as JSON, and `digest` is that of
-- this text; both are empty before the refs were listed.
CREATE TABLE polls (
    id {id},
    repo_id BIGINT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    due BIGINT NOT NULL,
    owner TEXT NOT NULL,
    lease BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    error TEXT NOT NULL,
    number BIGINT NOT NULL,
    digest TEXT NOT NULL,
    refs TEXT NOT NULL
);
CREATE UNIQUE INDEX polls_repo ON polls (repo_id);
CREATE INDEX polls_due ON polls (due, id);
