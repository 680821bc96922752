-- Rows enter the indexes of lists when they are sealed, many together: the transaction that records a row changes no
-- page of these indexes.
DROP INDEX audit_at;
DROP INDEX audit_verb;
DROP INDEX audit_actor;
DROP INDEX audit_about;
DROP INDEX audit_repo;
CREATE INDEX audit_at ON audit (at, id) WHERE seq <> 0;
CREATE INDEX audit_verb ON audit (verb, at, id) WHERE seq <> 0;
CREATE INDEX audit_actor ON audit (lower(actor_name), at, id) WHERE seq <> 0;
CREATE INDEX audit_about ON audit (about, at, id) WHERE seq <> 0;
CREATE INDEX audit_repo ON audit (repo_id, at, id) WHERE repo_id <> 0 AND seq <> 0;
