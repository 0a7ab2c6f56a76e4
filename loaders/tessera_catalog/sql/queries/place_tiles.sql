-- Tell the {tiles} whose replicas moved, or that are new since, where they are now. Leaves
-- pg_temp.changed: the tiles that this altered, as they are and as they were. Once the holder's own manifest has been linked,
-- a tile is where the manifests say and nowhere else.
CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
SELECT tile_id FROM pg_temp.moved
UNION
SELECT u.tile_id FROM tessera.unsettled u JOIN {tiles} t ON t.id = u.tile_id;
-- A tile that no manifest has loses the presumed copy the first time the holder is linked.
INSERT INTO pg_temp.touched (tile_id)
SELECT t.id FROM {tiles} t
WHERE (SELECT s.store_id FROM tessera.collection c JOIN tessera.store s ON s.name = c.holder
       WHERE c.collection = {collection}) IN (SELECT store_id FROM pg_temp.told_whole)
  AND NOT EXISTS (SELECT FROM {replicas} r WHERE r.tile_id = t.id)
  AND t.stores <> '{{}}'
EXCEPT
SELECT tile_id FROM pg_temp.touched;
-- Few most times, and then looked up one by one.
ANALYZE pg_temp.touched;
CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
WITH presumed AS (
    SELECT s.name
    FROM tessera.collection c JOIN tessera.store s ON s.name = c.holder
    WHERE c.collection = {collection} AND s.preference IS NOT NULL
      AND NOT EXISTS (SELECT FROM tessera.link l
                      WHERE l.collection = c.collection AND l.store_id = s.store_id)
), placed AS (
    SELECT touched.tile_id,
           coalesce(array_agg(s.name ORDER BY s.preference)
                    FILTER (WHERE r.state = 'same' AND s.preference IS NOT NULL), '{{}}')
           AS stores,
           array_agg(s.name ORDER BY s.preference)
                    FILTER (WHERE r.state <> 'same' AND s.preference IS NOT NULL)
           AS unsound_stores,
           max(r.verified_at) FILTER (WHERE r.state = 'same' AND s.preference IS NOT NULL)
           AS verified
    FROM pg_temp.touched
    LEFT JOIN {replicas} r ON r.tile_id = touched.tile_id
    LEFT JOIN tessera.store s ON s.store_id = r.store_id
    GROUP BY touched.tile_id
), told AS (
    SELECT p.tile_id, p.unsound_stores, p.verified,
           CASE WHEN h.name IS NULL THEN p.stores
                ELSE ARRAY(SELECT s.name FROM tessera.store s
                           WHERE s.name = ANY (h.name || p.stores) ORDER BY s.preference)
           END AS stores
    FROM placed p LEFT JOIN presumed h ON true
)
SELECT p.tile_id AS id, p.stores, p.unsound_stores, p.verified,
       t.stores AS old_stores, t.unsound_stores AS old_unsound_stores,
       coalesce(t.embeddings_size, 0) + coalesce(t.scales_size, 0) AS bytes,
       (t.embeddings_size + t.scales_size IS NULL)::int AS unsized
FROM told p JOIN {tiles} t ON t.id = p.tile_id
WHERE (p.stores, p.unsound_stores, p.verified)
    IS DISTINCT FROM (t.stores, t.unsound_stores, t.verified);
ANALYZE pg_temp.changed;
UPDATE {tiles} t
SET stores = c.stores, unsound_stores = c.unsound_stores, verified = c.verified
FROM pg_temp.changed c WHERE c.id = t.id;
DELETE FROM tessera.unsettled u USING {tiles} t WHERE t.id = u.tile_id
