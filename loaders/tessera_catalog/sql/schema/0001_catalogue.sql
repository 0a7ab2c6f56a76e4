-- The catalogue's own tables: what is known of each tile and of each copy. The STAC items of
-- pgSTAC are a projection of them (0002), and so is everything else that shows tiles.

CREATE SCHEMA tessera;
COMMENT ON SCHEMA tessera IS
    'GeoTessera tiles: what exists (tile), who holds copies of it (replica, store)';

CREATE TABLE tessera.dataset (
    dataset_no smallint PRIMARY KEY,
    dataset text NOT NULL UNIQUE
);
COMMENT ON TABLE tessera.dataset IS 'one row a dataset version; its number begins tile ids';

CREATE TABLE tessera.store (
    store_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    title text NOT NULL,
    url text NOT NULL,
    preference smallint UNIQUE DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE tessera.store IS 'who holds copies, as the configuration names them';
COMMENT ON COLUMN tessera.store.url IS
    'public base of hrefs, without a trailing slash; {dataset} in it stands for the dataset''s id';
COMMENT ON COLUMN tessera.store.preference IS '0 is the primary; null: no longer configured';

CREATE TABLE tessera.collection (
    collection text PRIMARY KEY,
    dataset_no smallint NOT NULL REFERENCES tessera.dataset,
    year smallint NOT NULL,
    holder text NOT NULL,
    fingerprint bytea,
    projection bytea,
    tiles bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 0,
    loaded_at timestamptz,
    UNIQUE (dataset_no, year)
);
COMMENT ON TABLE tessera.collection IS 'one row a STAC collection, that is a dataset and a year';
COMMENT ON COLUMN tessera.collection.holder IS
    'the store whose registry was loaded: it is taken to hold each tile no link has spoken of';
COMMENT ON COLUMN tessera.collection.fingerprint IS
    'digest of the registry rows in tile; null when tile was changed by anything but a load';
COMMENT ON COLUMN tessera.collection.projection IS
    'digest of all that shapes its items besides the tiles; null: the items must be made anew';

CREATE FUNCTION tessera.tile_id(dataset_no integer, year integer, lon_i integer, lat_i integer)
RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (dataset_no * 10000 + year) * 10000000::bigint
         + (8995 - lat_i) / 10 * 3600 + (lon_i + 17995) / 10
$$;
COMMENT ON FUNCTION tessera.tile_id IS
    'dataset number, year (4 digits), cell of the grid (7 digits, 0 north-west, row by row)';

CREATE FUNCTION tessera.footprint(lon_i integer, lat_i integer)
RETURNS geometry LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    -- An envelope runs clockwise, and GeoJSON (RFC 7946) the other way round.
    SELECT public.ST_Reverse(public.ST_MakeEnvelope(
        (lon_i - 5) / 100.0::float8, (lat_i - 5) / 100.0::float8,
        (lon_i + 5) / 100.0::float8, (lat_i + 5) / 100.0::float8, 4326))
$$;
COMMENT ON FUNCTION tessera.footprint IS
    'square of 0.1 degrees around a centre given in hundredths of a degree, counterclockwise';

CREATE FUNCTION tessera.place(lon_i integer, lat_i integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT round(lon_i / 100.0, 2)::text || '_' || round(lat_i / 100.0, 2)::text
$$;
COMMENT ON FUNCTION tessera.place IS
    'how names say where a tile is, by its centre in hundredths of a degree: 0.85_49.95';

CREATE FUNCTION tessera.address(url text, dataset text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT replace(url, '{dataset}', dataset) $$;
COMMENT ON FUNCTION tessera.address IS 'public base of the hrefs of a dataset in a store';

CREATE FUNCTION tessera.file_path(year integer, place text, file text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT year::text || '/grid_' || place || '/grid_' || place
        || CASE file WHEN 'embeddings' THEN '.npy' WHEN 'embeddings_scales' THEN '_scales.npy' END
$$;
COMMENT ON FUNCTION tessera.file_path IS
    'where a file of a tile (embeddings or embeddings_scales) lies under the address of a store';

CREATE TABLE tessera.tile (
    id bigint NOT NULL,
    dataset text NOT NULL,
    year smallint NOT NULL,
    lon_i smallint NOT NULL,
    lat_i smallint NOT NULL,
    lon double precision NOT NULL GENERATED ALWAYS AS (lon_i / 100.0::float8) STORED,
    lat double precision NOT NULL GENERATED ALWAYS AS (lat_i / 100.0::float8) STORED,
    embeddings_size bigint,
    scales_size bigint,
    embeddings_mtime timestamptz,
    scales_mtime timestamptz,
    verified timestamptz,
    embeddings_sha256 bytea,
    scales_sha256 bytea,
    stores text[] NOT NULL,
    unsound_stores text[],
    store_count smallint NOT NULL GENERATED ALWAYS AS (cardinality(stores)) STORED,
    geom geometry(Polygon, 4326) NOT NULL GENERATED ALWAYS AS (tessera.footprint(lon_i, lat_i)) STORED,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX ON tessera.tile USING gist (geom);

COMMENT ON TABLE tessera.tile IS 'one row a tile; a partition for each dataset and year';
COMMENT ON COLUMN tessera.tile.id IS 'see tessera.tile_id';
COMMENT ON COLUMN tessera.tile.lon_i IS 'centre, hundredths of a degree: the key of joins';
COMMENT ON COLUMN tessera.tile.lat_i IS 'centre, hundredths of a degree: the key of joins';
COMMENT ON COLUMN tessera.tile.lon IS 'centre, degrees';
COMMENT ON COLUMN tessera.tile.lat IS 'centre, degrees';
COMMENT ON COLUMN tessera.tile.embeddings_size IS 'bytes; null: unknown';
COMMENT ON COLUMN tessera.tile.scales_size IS 'bytes; null: unknown; 0: there is no such file';
COMMENT ON COLUMN tessera.tile.verified IS 'when a sound copy was last verified; null: never';
COMMENT ON COLUMN tessera.tile.stores IS 'stores with a sound copy, most preferred first';
COMMENT ON COLUMN tessera.tile.unsound_stores IS
    'stores with a stale or incomplete copy, most preferred first; null: none';

-- One row a copy that a manifest speaks of. Partitioned like tile, by the same key.
-- Its store_id is one of tessera.store; a foreign key would be looked up for each of 11 million rows.
CREATE TABLE tessera.replica (
    tile_id bigint NOT NULL,
    store_id smallint NOT NULL,
    state text NOT NULL CHECK (state IN ('same', 'stale', 'incomplete')),
    embeddings_size bigint,
    scales_size bigint,
    verified_at timestamptz,
    PRIMARY KEY (tile_id, store_id)
) PARTITION BY RANGE (tile_id);
COMMENT ON TABLE tessera.replica IS
    'one row a tile and store, as the store''s manifest had it when it was last linked';
COMMENT ON COLUMN tessera.replica.state IS
    'against the registry: same, stale (differs) or incomplete (no scales or an empty file)';

-- A store without a row here has not been linked: then its replicas are unknown, and a tile is taken
-- to be on the collection's holder alone.
CREATE TABLE tessera.link (
    collection text NOT NULL REFERENCES tessera.collection,
    store_id smallint NOT NULL REFERENCES tessera.store,
    digest bytea NOT NULL,
    rows bigint NOT NULL,
    unknown bigint NOT NULL,
    manifest_digest text NOT NULL,
    manifest_made timestamptz NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, store_id)
);
COMMENT ON TABLE tessera.link IS 'which manifest of a store replica has, by collection';
COMMENT ON COLUMN tessera.link.digest IS 'of the rows of this year that were linked';
COMMENT ON COLUMN tessera.link.rows IS 'tiles of this year in the manifest';
COMMENT ON COLUMN tessera.link.unknown IS 'of these, tiles that the registry has not';
COMMENT ON COLUMN tessera.link.manifest_digest IS 'of the whole manifest';

CREATE TABLE tessera.unsettled (tile_id bigint PRIMARY KEY);
COMMENT ON TABLE tessera.unsettled IS
    'tiles that a load changed after their year was linked: the next link looks at them again';

-- A load writes the fingerprint last; whoever else changes tiles voids it, and so makes the next
-- load compare row by row. On a partition the argument names the collection.
CREATE FUNCTION tessera.void_fingerprint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tessera.collection SET fingerprint = NULL
    WHERE fingerprint IS NOT NULL AND (TG_NARGS = 0 OR collection = TG_ARGV[0]);
    RETURN NULL;
END;
$$;
CREATE TRIGGER void_fingerprint
    AFTER INSERT OR DELETE OR TRUNCATE
    OR UPDATE OF lon_i, lat_i, embeddings_size, scales_size, embeddings_mtime, scales_mtime,
                 embeddings_sha256, scales_sha256
    ON tessera.tile FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_fingerprint();

-- What readers may cache against: it grows whenever a load or a link changes anything.
CREATE SEQUENCE tessera.revisions;
CREATE FUNCTION tessera.revision() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(revision), 0) FROM tessera.collection
$$;
COMMENT ON FUNCTION tessera.revision IS 'of the whole catalogue: changes with every change';

-- Not STRICT and only STABLE, as to_char is: else the planner would not write it out in place.
CREATE FUNCTION tessera.iso(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;
COMMENT ON FUNCTION tessera.iso IS 'RFC 3339 in UTC, whole seconds';

CREATE FUNCTION tessera.in_box(lon_i integer, lat_i integer, box double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT box IS NULL OR (
        lat_i + 5 > box[2] AND lat_i - 5 < box[4]
        AND CASE WHEN box[1] <= box[3] THEN lon_i + 5 > box[1] AND lon_i - 5 < box[3]
                 ELSE lon_i + 5 > box[1] OR lon_i - 5 < box[3] END)
$$;
COMMENT ON FUNCTION tessera.in_box IS
    'whether a tile shares area with a box (west, south, east, north in hundredths of a degree; '
    'west > east crosses the antimeridian; null: everywhere)';
