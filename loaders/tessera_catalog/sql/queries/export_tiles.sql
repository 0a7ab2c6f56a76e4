-- The rows of {tiles} that lie in {area}, in the order of tessera_export.tiles.SCHEMA.
SELECT id, dataset, year, lon, lat, embeddings_size, scales_size, embeddings_mtime, scales_mtime,
       verified, encode(embeddings_sha256, 'hex'), encode(scales_sha256, 'hex'),
       stores, coalesce(unsound_stores, '{{}}'), store_count, public.ST_AsBinary(geom)
FROM {tiles}
WHERE id >= {first} AND id < {end} AND tessera.in_box(lon_i, lat_i, {area})
ORDER BY id
