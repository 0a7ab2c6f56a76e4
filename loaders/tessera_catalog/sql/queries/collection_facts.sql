-- What a collection says of its tiles: how many, how far they reach, how large they are.
SELECT count(*) AS tiles,
       (min(lon_i) - 5) / 100.0::float8 AS west, (min(lat_i) - 5) / 100.0::float8 AS south,
       (max(lon_i) + 5) / 100.0::float8 AS east, (max(lat_i) + 5) / 100.0::float8 AS north,
       sum(embeddings_size)::bigint AS embeddings_bytes, sum(scales_size)::bigint AS scales_bytes
FROM {tiles}
