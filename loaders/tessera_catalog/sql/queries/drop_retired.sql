-- Take the stores that are no longer configured off {tiles}, and forget what they held. Leaves
-- pg_temp.freed: the tiles that named one.
DELETE FROM {replicas} r USING tessera.store s
WHERE s.preference IS NULL AND r.store_id = s.store_id;
DELETE FROM tessera.link l USING tessera.store s
WHERE l.collection = {collection} AND s.preference IS NULL AND l.store_id = s.store_id;
CREATE TEMPORARY TABLE freed ON COMMIT DROP AS
WITH retired AS (
    SELECT array_agg(name) AS names FROM tessera.store WHERE preference IS NULL
)
SELECT t.id FROM {tiles} t, retired
WHERE t.stores && retired.names OR t.unsound_stores && retired.names;
ANALYZE pg_temp.freed;
WITH configured AS (
    SELECT name, preference FROM tessera.store WHERE preference IS NOT NULL
)
UPDATE {tiles} t
SET stores = ARRAY(SELECT name FROM configured WHERE name = ANY (t.stores) ORDER BY preference),
    unsound_stores = nullif(ARRAY(SELECT name FROM configured WHERE name = ANY (t.unsound_stores)
                                  ORDER BY preference), '{{}}'),
    verified = (SELECT max(r.verified_at) FROM {replicas} r
                WHERE r.tile_id = t.id AND r.state = 'same')
FROM pg_temp.freed WHERE freed.id = t.id
