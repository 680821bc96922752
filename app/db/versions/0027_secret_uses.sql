-- Which steps name which secrets in the pipeline file of a repository's default branch, as the newest push of that branch has
-- read the file: `uses` is a list of [secret, pipeline, step], as JSON; `number` is the build that read it, 0 for none.
CREATE TABLE secret_uses (
    repo_id BIGINT NOT NULL PRIMARY KEY REFERENCES repos (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    uses TEXT NOT NULL
);
