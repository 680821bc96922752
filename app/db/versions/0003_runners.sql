-- Runners on other machines: until when a stage is kept for whom it was handed to, from which address it was accepted,
-- and when its runner last gave a sign.
ALTER TABLE stages ADD COLUMN offered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stages ADD COLUMN peer TEXT NOT NULL DEFAULT '';
ALTER TABLE stages ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;
