-- What people decided about a build that waited for an approval. A repository may have got another name since, so the
-- number at the end of the subject stands for the build.
CREATE INDEX audit_decisions ON audit (repo_id, substr(subject, length(about) + 1), at, id)
    WHERE verb IN ('build.approve', 'build.decline');
