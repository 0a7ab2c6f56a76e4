-- The tiles among {changed} that are still there.
CREATE TEMPORARY TABLE patch_source ON COMMIT DROP AS
SELECT t.* FROM {tiles} t WHERE t.id IN (SELECT id FROM {changed})
