-- What analysts read besides tile and replica: sums that need not look at tiles, and views and
-- functions for the questions asked most. docs/analysts.md shows them at work.

-- Kept in step by each load and link in its own transaction, as placement is.
CREATE TABLE tessera.coverage (
    id bigint PRIMARY KEY,
    dataset text NOT NULL,
    year smallint NOT NULL,
    west smallint NOT NULL,
    south smallint NOT NULL,
    tiles integer NOT NULL,
    bytes bigint NOT NULL,
    held jsonb NOT NULL,
    geom geometry(Polygon, 4326) NOT NULL
);
CREATE INDEX ON tessera.coverage USING gist (geom);
CREATE INDEX ON tessera.coverage (year);
COMMENT ON TABLE tessera.coverage IS
    'one row a square of 1 degree, dataset and year that has tiles: how many, and who holds them';
COMMENT ON COLUMN tessera.coverage.id IS
    'dataset number, year (4 digits), square (5 digits, 0 north-west, row by row)';
COMMENT ON COLUMN tessera.coverage.west IS 'edge of the square, degrees';
COMMENT ON COLUMN tessera.coverage.south IS 'edge of the square, degrees';
COMMENT ON COLUMN tessera.coverage.bytes IS 'of the tiles'' files whose size is known';
COMMENT ON COLUMN tessera.coverage.held IS
    'how many of the tiles each store has sound copies of; a store with none is left out';

CREATE FUNCTION tessera.square(tile_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT tile_id / 10000000 * 100000
         + tile_id % 10000000 / 36000 * 360 + tile_id % 10000000 % 3600 / 10
$$;
COMMENT ON FUNCTION tessera.square IS 'id in coverage of the square that a tile lies in';

CREATE FUNCTION tessera.count_coverage(_collection text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_dataset text;
    of_year smallint;
    series bigint;
BEGIN
    SELECT d.dataset, c.year, c.dataset_no * 10000 + c.year INTO of_dataset, of_year, series
    FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
    WHERE c.collection = _collection;
    DELETE FROM tessera.coverage WHERE id >= series * 100000 AND id < (series + 1) * 100000;
    -- Ids are written into the statement: planned with them, it reads one partition as it lies.
    EXECUTE format($count$
        INSERT INTO tessera.coverage (id, dataset, year, west, south, tiles, bytes, held, geom)
        WITH part AS (
            SELECT tessera.square(id) AS id, stores, count(*) AS tiles,
                   sum(coalesce(embeddings_size, 0) + coalesce(scales_size, 0)) AS bytes
            FROM tessera.tile WHERE id >= %1$s AND id < %1$s + 10000000
            GROUP BY 1, 2
        ), holder AS (
            SELECT id, name, sum(tiles) AS tiles
            FROM part CROSS JOIN LATERAL unnest(stores) AS store (name) GROUP BY id, name
        )
        SELECT id, %2$L, %3$s, west, south, tiles, bytes, coalesce(held, '{}'),
               public.ST_MakeEnvelope(west, south, west + 1, south + 1, 4326)
        FROM (SELECT id, sum(tiles) AS tiles, sum(bytes) AS bytes FROM part GROUP BY id) AS total
        LEFT JOIN (SELECT id, jsonb_object_agg(name, tiles) AS held FROM holder GROUP BY id)
            AS held USING (id)
        CROSS JOIN LATERAL (
            SELECT id %% 100000 %% 360 - 180, 89 - id %% 100000 / 360) AS corner (west, south)
        $count$, series * 10000000, of_dataset, of_year);
END;
$$;
COMMENT ON FUNCTION tessera.count_coverage IS 'count all squares of a collection anew';

CREATE VIEW tessera.tile_store AS
SELECT t.id AS tile_id, t.dataset, t.year, t.lon, t.lat, s.name AS store,
       coalesce(r.state, 'presumed') AS state,
       tessera.address(s.url, t.dataset) || '/' || tessera.file_path(
           t.year, tessera.place(t.lon_i, t.lat_i), 'embeddings') AS embeddings_url,
       CASE WHEN coalesce(r.scales_size, t.scales_size) IS DISTINCT FROM 0
            THEN tessera.address(s.url, t.dataset) || '/' || tessera.file_path(
                t.year, tessera.place(t.lon_i, t.lat_i), 'embeddings_scales') END
       AS scales_url,
       coalesce(r.embeddings_size, t.embeddings_size) AS embeddings_size,
       coalesce(r.scales_size, t.scales_size) AS scales_size,
       r.verified_at AS verified, t.geom
FROM tessera.tile t
CROSS JOIN LATERAL unnest(t.stores || coalesce(t.unsound_stores, '{}')) AS holder (name)
JOIN tessera.store s USING (name)
LEFT JOIN tessera.replica r ON r.tile_id = t.id AND r.store_id = s.store_id;
COMMENT ON VIEW tessera.tile_store IS 'one row a tile and store that has a copy of it';
COMMENT ON COLUMN tessera.tile_store.state IS
    'same, stale or incomplete as in replica; presumed where no manifest has been linked';
COMMENT ON COLUMN tessera.tile_store.scales_url IS 'null: there is no such file';
COMMENT ON COLUMN tessera.tile_store.verified IS 'when this copy was last verified; null: never';

CREATE VIEW tessera.gaps AS
SELECT t.id AS tile_id, t.dataset, t.year, t.lon, t.lat, s.name AS store,
       CASE WHEN s.name = ANY (t.unsound_stores) THEN 'unsound' ELSE 'missing' END AS state,
       t.embeddings_size, t.scales_size, t.stores, t.geom
FROM tessera.tile t
JOIN tessera.store s ON s.preference IS NOT NULL AND s.name <> ALL (t.stores);
COMMENT ON VIEW tessera.gaps IS 'one row a tile and store that has no sound copy of it';
COMMENT ON COLUMN tessera.gaps.state IS 'missing, or unsound: stale or incomplete';
COMMENT ON COLUMN tessera.gaps.stores IS 'where it can be had from, most preferred first';

CREATE VIEW tessera.store_summary AS
WITH held AS (
    SELECT collection, name AS store, sum(tiles) AS tiles, sum(bytes) AS bytes,
           sum(unsized) AS unsized
    FROM tessera.placement CROSS JOIN LATERAL unnest(stores) AS store (name)
    GROUP BY collection, name
), unsound AS (
    SELECT collection, name AS store, sum(tiles) AS tiles
    FROM tessera.placement CROSS JOIN LATERAL unnest(unsound_stores) AS store (name)
    GROUP BY collection, name
)
SELECT d.dataset, c.year, s.name AS store, coalesce(h.tiles, 0)::bigint AS tiles,
       coalesce(h.bytes, 0)::bigint AS bytes, coalesce(h.unsized, 0)::bigint AS unsized,
       (c.tiles - coalesce(h.tiles, 0) - coalesce(u.tiles, 0))::bigint AS missing,
       coalesce(u.tiles, 0)::bigint AS unsound,
       l.manifest_made, l.linked_at, l.verified, l.verified_first
FROM tessera.collection c
JOIN tessera.dataset d USING (dataset_no)
JOIN tessera.store s ON s.preference IS NOT NULL
LEFT JOIN held h ON h.collection = c.collection AND h.store = s.name
LEFT JOIN unsound u ON u.collection = c.collection AND u.store = s.name
LEFT JOIN tessera.link l ON l.collection = c.collection AND l.store_id = s.store_id
WHERE c.tiles > 0;
COMMENT ON VIEW tessera.store_summary IS
    'one row a dataset, year and store: what it has of the tiles and what it lacks';
COMMENT ON COLUMN tessera.store_summary.tiles IS 'with a sound copy';
COMMENT ON COLUMN tessera.store_summary.bytes IS 'of these tiles'' files whose size is known';
COMMENT ON COLUMN tessera.store_summary.unsized IS 'of these, tiles with a file of unknown size';
COMMENT ON COLUMN tessera.store_summary.missing IS 'without any copy';
COMMENT ON COLUMN tessera.store_summary.unsound IS 'with a stale or incomplete copy';
COMMENT ON COLUMN tessera.store_summary.manifest_made IS 'null: no manifest has been linked';
COMMENT ON COLUMN tessera.store_summary.verified IS 'rows of the manifest that were ever verified';
COMMENT ON COLUMN tessera.store_summary.verified_first IS 'the oldest of these times';

-- Not by ST_Touches, which takes five times as long and is misled by the last digit of a corner.
CREATE FUNCTION tessera.is_inside(geom geometry, area geometry) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Of what stands in COALESCE the planner expects half to hold; of the bare function, nothing.
    SELECT public.ST_Dimension(area) < 2
        OR coalesce(public.ST_Intersects(area, public.ST_Expand(geom, -1e-9)), false)
$$;
COMMENT ON FUNCTION tessera.is_inside IS
    'whether a tile that meets an area has more of it than an edge (a tenth of a millimetre)';

-- Neither STRICT nor SECURITY DEFINER: so the planner writes them out where they are called, and
-- the indexes and bounds of tile are used.
CREATE FUNCTION tessera.tiles_in(area geometry, year integer DEFAULT NULL)
RETURNS SETOF tessera.tile LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.* FROM tessera.tile t
    WHERE public.ST_Intersects(t.geom, area)
      AND tessera.is_inside(t.geom, area)
      AND (tiles_in.year IS NULL OR t.year = tiles_in.year)
$$;
COMMENT ON FUNCTION tessera.tiles_in IS
    'tiles that share area with a polygon (those that only touch it do not), or lie on a line or '
    'point; of one year, or of all';

CREATE FUNCTION tessera.known_store(store text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tessera.store
                   WHERE name = known_store.store AND preference IS NOT NULL) THEN
        RAISE EXCEPTION 'no store is called %; the stores are %', quote_nullable(known_store.store),
            (SELECT string_agg(name, ', ' ORDER BY preference) FROM tessera.store
             WHERE preference IS NOT NULL) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN known_store.store;
END;
$$;
COMMENT ON FUNCTION tessera.known_store IS
    'the name itself; an error, rather than an empty answer, when no store is called so';

CREATE FUNCTION tessera.missing_from(store text, year integer DEFAULT NULL)
RETURNS SETOF tessera.tile LANGUAGE sql STABLE AS $$
    SELECT t.* FROM tessera.tile t
    -- Of this the server knows from its statistics how few they are; of <> ALL it does not.
    WHERE NOT t.stores @> ARRAY[missing_from.store]
      AND (t.unsound_stores IS NULL OR missing_from.store <> ALL (t.unsound_stores))
      AND (missing_from.year IS NULL OR t.year = missing_from.year)
      AND tessera.known_store(missing_from.store) IS NOT NULL
$$;
COMMENT ON FUNCTION tessera.missing_from(text, integer) IS
    'tiles of which a store has no copy at all; of one year, or of all';

CREATE FUNCTION tessera.missing_from(store text, year integer, area geometry)
RETURNS SETOF tessera.tile LANGUAGE sql STABLE AS $$
    SELECT t.* FROM tessera.missing_from(missing_from.store, missing_from.year) AS t
    WHERE public.ST_Intersects(t.geom, area) AND tessera.is_inside(t.geom, area)
$$;
COMMENT ON FUNCTION tessera.missing_from(text, integer, geometry) IS
    'the same in an area, as tiles_in has it';

CREATE FUNCTION tessera.url(tile tessera.tile, store text, file text DEFAULT 'embeddings')
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT tessera.address(s.url, tile.dataset) || '/' || tessera.file_path(
        tile.year, tessera.place(tile.lon_i, tile.lat_i), file)
    FROM tessera.store s
    WHERE s.name = tessera.known_store(url.store) AND s.name = ANY (tile.stores)
      AND (file = 'embeddings' OR tile.scales_size IS DISTINCT FROM 0)
$$;
COMMENT ON FUNCTION tessera.url IS
    'where to download a file of a tile from a store (embeddings or embeddings_scales); null: it has '
    'no sound copy, or the tile has no such file';

-- Boundaries to join with, once `python -m tessera_catalog.boundaries` has loaded them.
CREATE TABLE tessera.country (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    geom geometry(MultiPolygon, 4326) NOT NULL
);
CREATE INDEX ON tessera.country USING gist (geom);
COMMENT ON TABLE tessera.country IS 'boundaries of countries; empty until they are loaded';

CREATE TABLE tessera.country_part (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id integer NOT NULL REFERENCES tessera.country ON DELETE CASCADE,
    geom geometry(Polygon, 4326) NOT NULL
);
CREATE INDEX ON tessera.country_part USING gist (geom);
COMMENT ON TABLE tessera.country_part IS
    'the same areas in small pieces that do not overlap: to find the country of many places quickly';

GRANT SELECT ON tessera.coverage, tessera.tile_store, tessera.gaps, tessera.store_summary,
    tessera.country, tessera.country_part
TO tessera_api, tessera_reader;
-- Of catalogues that are there already.
SELECT tessera.count_coverage(collection) FROM tessera.collection WHERE tiles > 0;
