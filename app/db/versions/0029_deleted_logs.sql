-- Who deleted the logs of a build. A repository may have got another name since, so the number at the end of the
-- subject stands for the build.
CREATE INDEX audit_logs ON audit (repo_id, substr(subject, length(about) + 1), at, id) WHERE verb = 'log.delete';
