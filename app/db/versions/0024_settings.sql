-- The administrators of the server, by login.
CREATE INDEX users_admins ON users (lower(login)) WHERE admin;

-- The changes of the secrets of a repository.
CREATE INDEX audit_secrets ON audit (repo_id, at, id) WHERE verb IN ('secret.create', 'secret.update', 'secret.delete');
