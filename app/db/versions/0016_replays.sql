-- What a host has signed of a delivery, as a digest: a webhook that somebody sends again under another id has the same.
-- Empty where equal webhooks may tell of different changes.
ALTER TABLE deliveries ADD COLUMN digest TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_digest ON deliveries (repo_id, digest, event, id) WHERE digest <> '';
