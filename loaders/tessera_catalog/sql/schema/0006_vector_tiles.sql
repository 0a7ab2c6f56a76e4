-- A vector tile (Mapbox Vector Tile 2, Web Mercator) of a collection's tiles; empty where it has
-- none. The grid is regular, so the rows and columns under a square of the map, and the corners of
-- their tiles in it, follow by arithmetic; what is left to find is a range of ids for each row.

CREATE FUNCTION tessera.mercator_y(latitude double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 0.5 - asinh(tan(radians(latitude))) / (2 * pi())
$$;
COMMENT ON FUNCTION tessera.mercator_y IS
    'place of a latitude on the map, from 0 (85.05°N) to 1 (85.05°S)';

CREATE FUNCTION tessera.mercator_latitude(y double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT degrees(atan(sinh(pi() * (1 - 2 * y))))
$$;
COMMENT ON FUNCTION tessera.mercator_latitude IS 'inverse of tessera.mercator_y';

CREATE FUNCTION tessera.vector_tile(_collection text, _z integer, _x integer, _y integer)
RETURNS bytea LANGUAGE sql STABLE AS $$
    WITH square AS (
        SELECT side, (dataset_no * 10000 + year) * 10000000::bigint AS first_id,
               -- Tiles that only touch the square are not in it.
               _x * 3600 / side AS west, ((_x + 1) * 3600 - 1) / side AS east,
               floor(900 - 10 * tessera.mercator_latitude(_y / side::float8))::int AS north,
               ceil(899 - 10 * tessera.mercator_latitude((_y + 1) / side::float8))::int AS south
        FROM tessera.collection, (SELECT 1 << _z) AS zoom (side)
        WHERE collection = _collection
    ), band AS MATERIALIZED (
        SELECT square.*, first_id + number * 3600 AS row_id,
               4096 * (side * tessera.mercator_y(90 - number / 10.0) - _y) AS top,
               4096 * (side * tessera.mercator_y(90 - (number + 1) / 10.0) - _y) AS bottom
        FROM square, generate_series(north, south) AS row (number)
    ), feature AS (
        SELECT t.id AS feature_id,
               t.year || '_grid_' || tessera.place(t.lon_i, t.lat_i) AS id,
               t.lon, t.lat, t.year::int,
               array_to_string(t.stores, ',') AS stores,
               array_to_string(t.unsound_stores, ',') AS unsound_stores,
               t.store_count::int, t.embeddings_size, t.scales_size,
               tessera.iso(t.verified) AS verified,
               -- Cut off 64 units outside the square, so that no outline is drawn along its edge;
               -- from east to west, for y points down and rings of vector tiles run clockwise.
               public.ST_MakeEnvelope(
                   least(round(4096 * ((t.id - row_id + 1) * side / 3600.0::float8 - _x)), 4160),
                   greatest(round(top), -64),
                   greatest(round(4096 * ((t.id - row_id) * side / 3600.0::float8 - _x)), -64),
                   least(round(bottom), 4160)) AS geom
        FROM band
        CROSS JOIN LATERAL (
            SELECT * FROM tessera.tile WHERE id BETWEEN row_id + west AND row_id + east
            OFFSET 0  -- by the key, row after row, however many the planner expects
        ) AS t
    )
    SELECT public.ST_AsMVT(feature, 'tiles', 4096, 'geom', 'feature_id') FROM feature
$$;
COMMENT ON FUNCTION tessera.vector_tile IS
    'layer "tiles": the tiles of a collection in a square of the map, with what is known of them';
