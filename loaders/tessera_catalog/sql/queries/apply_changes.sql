-- Carry out pg_temp.changed on {tiles}.
WITH gone AS (
    DELETE FROM {replicas} r USING pg_temp.changed c WHERE c.becomes = 'gone' AND r.tile_id = c.id
    RETURNING r.store_id
)
UPDATE tessera.link l SET unknown = l.unknown + counted.copies
FROM (SELECT store_id, count(*) AS copies FROM gone GROUP BY store_id) AS counted
WHERE l.collection = {collection} AND l.store_id = counted.store_id;
DELETE FROM {tiles} t USING pg_temp.changed c WHERE c.becomes = 'gone' AND t.id = c.id;
DELETE FROM tessera.unsettled u USING pg_temp.changed c
WHERE c.becomes = 'gone' AND u.tile_id = c.id;
UPDATE {tiles} t
SET embeddings_size = c.embeddings_size, scales_size = c.scales_size,
    embeddings_mtime = c.embeddings_mtime, scales_mtime = c.scales_mtime,
    embeddings_sha256 = c.embeddings_sha256, scales_sha256 = c.scales_sha256
FROM pg_temp.changed c WHERE c.becomes = 'other' AND t.id = c.id;
INSERT INTO {tiles} (id, lon_i, lat_i, embeddings_size, scales_size, embeddings_mtime,
                     scales_mtime, embeddings_sha256, scales_sha256, stores)
SELECT id, lon_i, lat_i, embeddings_size, scales_size, embeddings_mtime,
       scales_mtime, embeddings_sha256, scales_sha256, ARRAY[{holder}]
FROM pg_temp.changed WHERE becomes = 'new';
INSERT INTO tessera.unsettled (tile_id)
SELECT id FROM pg_temp.changed
WHERE becomes <> 'gone' AND EXISTS (SELECT FROM tessera.link WHERE collection = {collection})
ON CONFLICT DO NOTHING
