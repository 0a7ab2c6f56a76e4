-- The STAC items of the tiles in {source} (a table expression with the columns of tessera.tile),
-- all of {collection}, as rows of pgstac.items: dehydrated, that is without what the collection's
-- item_assets say.
WITH template AS MATERIALIZED (
    SELECT stores, unsound, has_scales,
           tessera.item_template({collection}, stores, unsound, has_scales) AS template
    FROM (
        SELECT DISTINCT stores, coalesce(unsound_stores, '{{}}') AS unsound,
               scales_size IS DISTINCT FROM 0 AS has_scales
        FROM {source} AS s
    ) AS distinct_placements
), field AS (
    SELECT t.*,
           tessera.place(lon_i, lat_i) AS name,
           round(abs(lat_i) / 100.0, 2) || CASE WHEN lat_i < 0 THEN '°S ' ELSE '°N ' END
               || round(abs(lon_i) / 100.0, 2) || CASE WHEN lon_i < 0 THEN '°W' ELSE '°E' END
               AS people
    FROM {source} AS t
    OFFSET 0  -- keeps the planner from writing `name` out at each of its uses
)
SELECT f.year || '_grid_' || f.name AS id,
       f.geom AS geometry,
       {collection}::text AS collection,
       make_timestamptz(f.year, 1, 1, 0, 0, 0, 'UTC') AS datetime,
       make_timestamptz(f.year, 12, 31, 23, 59, 59, 'UTC') AS end_datetime,
       format(
           p.template, f.name,
           (f.lon_i - 5) / 100.0::float8, (f.lat_i - 5) / 100.0::float8,
           (f.lon_i + 5) / 100.0::float8, (f.lat_i + 5) / 100.0::float8,
           f.lon, f.lat, f.people,
           concat(
               ',"created":"' || tessera.iso(least(f.embeddings_mtime, f.scales_mtime)) || '"',
               ',"updated":"' || tessera.iso(greatest(f.embeddings_mtime, f.scales_mtime)) || '"',
               ',"tessera:verified":"' || tessera.iso(f.verified) || '"'),
           concat(
               ',"file:size":' || f.embeddings_size,
               ',"file:checksum":"1220' || encode(f.embeddings_sha256, 'hex') || '"'),
           concat(
               ',"file:size":' || f.scales_size,
               ',"file:checksum":"1220' || encode(f.scales_sha256, 'hex') || '"')
       )::jsonb AS content,
       NULL::jsonb AS private
FROM field f
JOIN template p ON p.stores = f.stores
    AND p.unsound = coalesce(f.unsound_stores, '{{}}')
    AND p.has_scales = (f.scales_size IS DISTINCT FROM 0)
