-- The host whose account of the same login gets this account when its person first logs in; empty for nobody's.
ALTER TABLE users ADD COLUMN expected_from TEXT NOT NULL DEFAULT '';
