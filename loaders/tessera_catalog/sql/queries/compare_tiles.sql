-- Tiles whose registry row differs from the table's: new, other or (with {prune}) gone, the last
-- within {box} (west, south, east, north in hundredths) if there is one. What the registry does
-- not know is kept, but a hash only while size and time do not contradict it.
CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
WITH merged AS (
    SELECT f.id, f.lon_i, f.lat_i, t.id IS NULL AS is_new,
           coalesce(f.embeddings_size, t.embeddings_size) AS embeddings_size,
           coalesce(f.scales_size, t.scales_size) AS scales_size,
           coalesce(f.embeddings_mtime, t.embeddings_mtime) AS embeddings_mtime,
           coalesce(f.scales_mtime, t.scales_mtime) AS scales_mtime,
           coalesce(f.embeddings_sha256, CASE
               WHEN (f.embeddings_size <> t.embeddings_size) IS NOT TRUE
                AND (f.embeddings_mtime <> t.embeddings_mtime) IS NOT TRUE
               THEN t.embeddings_sha256 END) AS embeddings_sha256,
           coalesce(f.scales_sha256, CASE
               WHEN (f.scales_size <> t.scales_size) IS NOT TRUE
                AND (f.scales_mtime <> t.scales_mtime) IS NOT TRUE
               THEN t.scales_sha256 END) AS scales_sha256
    FROM pg_temp.fed f LEFT JOIN {tiles} t USING (id)
)
SELECT CASE WHEN m.is_new THEN 'new' ELSE 'other' END AS becomes, m.*
FROM merged m LEFT JOIN {tiles} t USING (id)
WHERE m.is_new OR
    (m.embeddings_size, m.scales_size, m.embeddings_mtime, m.scales_mtime,
     m.embeddings_sha256, m.scales_sha256)
    IS DISTINCT FROM
    (t.embeddings_size, t.scales_size, t.embeddings_mtime, t.scales_mtime,
     t.embeddings_sha256, t.scales_sha256)
UNION ALL
SELECT 'gone', t.id, t.lon_i, t.lat_i, false, NULL, NULL, NULL, NULL, NULL, NULL
FROM {tiles} t
WHERE {prune} AND NOT EXISTS (SELECT FROM pg_temp.fed f WHERE f.id = t.id)
  AND tessera.in_box(t.lon_i, t.lat_i, {box}::float8[])
