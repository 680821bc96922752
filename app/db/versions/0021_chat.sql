-- Which account a person of a chat has here. `tenant` is the workspace or team, in which ids of users are unique; `name`
-- is only shown. `created` is in Unix seconds.
CREATE TABLE chat_accounts (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    system TEXT NOT NULL,
    tenant TEXT NOT NULL,
    chat_user TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant_name TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE UNIQUE INDEX chat_accounts_person ON chat_accounts (system, tenant, chat_user);
CREATE INDEX chat_accounts_user ON chat_accounts (user_id, id);

-- Links that people of chats have asked for and not used: one for each person. `code` is the hash of the code in the
-- link, `expires` is in Unix seconds.
CREATE TABLE chat_links (
    system TEXT NOT NULL,
    tenant TEXT NOT NULL,
    chat_user TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant_name TEXT NOT NULL,
    code TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (system, tenant, chat_user)
);
CREATE UNIQUE INDEX chat_links_code ON chat_links (code);
CREATE INDEX chat_links_expires ON chat_links (expires);

-- What people of chats have asked for. `key` is the hash of what makes a request one of its kind, `state` is `working` or
-- `answered`, `answer` is JSON. `user_id` and `build_id` are 0 for none. `intent` is the hash of what a promotion does:
-- the same promotion has the same. `place` is sealed: where later answers go; `follows` says whether the changes of the
-- build are told there, `shown` is the state of the build that was told last, `posts` counts later answers. `note` is
-- what all answers about the build say. `created` is in Unix milliseconds.
CREATE TABLE chat_requests (
    id {id},
    key TEXT NOT NULL,
    system TEXT NOT NULL,
    tenant TEXT NOT NULL,
    chat_user TEXT NOT NULL,
    channel TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL,
    answer TEXT NOT NULL,
    repo_id BIGINT NOT NULL,
    build_id BIGINT NOT NULL,
    intent TEXT NOT NULL,
    place {bytes} NOT NULL,
    host TEXT NOT NULL,
    follows BOOLEAN NOT NULL,
    shown TEXT NOT NULL,
    posts BIGINT NOT NULL,
    note TEXT NOT NULL
);
CREATE UNIQUE INDEX chat_requests_key ON chat_requests (key);
CREATE INDEX chat_requests_person ON chat_requests (system, tenant, chat_user, created);
CREATE INDEX chat_requests_user ON chat_requests (user_id, created);
CREATE INDEX chat_requests_build ON chat_requests (build_id, id) WHERE build_id <> 0;
CREATE INDEX chat_requests_working ON chat_requests (created) WHERE state = 'working';
CREATE INDEX chat_requests_created ON chat_requests (created, id);

-- The chat through which a person has begun a build: `slack`; empty for none.
ALTER TABLE builds ADD COLUMN via TEXT NOT NULL DEFAULT '';

-- A person of a chat may write a repository in any letter case, and without its owner.
CREATE INDEX repos_name ON repos (lower(name), namespace);
