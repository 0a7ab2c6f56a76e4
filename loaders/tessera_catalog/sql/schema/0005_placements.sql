-- What a summary by year and store needs, so that it need not look at tiles: how many of them have
-- their copies where, kept in step by each load and link in its own transaction, and what the linked
-- manifests say of verification.

CREATE TABLE tessera.placement (
    collection text NOT NULL REFERENCES tessera.collection ON DELETE CASCADE,
    stores text[] NOT NULL,
    unsound_stores text[],
    tiles bigint NOT NULL,
    bytes bigint NOT NULL,
    unsized bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (collection, stores, unsound_stores)
);
GRANT SELECT ON tessera.placement TO tessera_api, tessera_reader;
COMMENT ON TABLE tessera.placement IS
    'one row a collection and set of places where tiles of it have copies';
COMMENT ON COLUMN tessera.placement.stores IS 'as in tile';
COMMENT ON COLUMN tessera.placement.unsound_stores IS 'as in tile';
COMMENT ON COLUMN tessera.placement.tiles IS 'how many have their copies there and nowhere else';
COMMENT ON COLUMN tessera.placement.bytes IS 'of the files of these tiles whose size is known';
COMMENT ON COLUMN tessera.placement.unsized IS 'how many of the tiles have a file of unknown size';

ALTER TABLE tessera.link
    ADD stale bigint NOT NULL DEFAULT 0,
    ADD incomplete bigint NOT NULL DEFAULT 0,
    ADD verified bigint NOT NULL DEFAULT 0,
    ADD verified_first timestamptz,
    ADD verified_last timestamptz;
COMMENT ON COLUMN tessera.link.stale IS 'copies in this state';
COMMENT ON COLUMN tessera.link.incomplete IS 'copies in this state';
COMMENT ON COLUMN tessera.link.verified IS 'how many of the rows have a time of verification';
COMMENT ON COLUMN tessera.link.verified_first IS 'the oldest of these times; null: there is none';
COMMENT ON COLUMN tessera.link.verified_last IS 'the newest of these times; null: there is none';

-- Copies to worry about are few: found without looking through the others.
CREATE INDEX replica_unsound ON tessera.replica (tile_id) WHERE state <> 'same';

CREATE FUNCTION tessera.store_count_of_all() RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bool_and(preference IS NOT NULL) THEN count(*) END FROM tessera.store
$$;
COMMENT ON FUNCTION tessera.store_count_of_all IS
    'the store_count by which a tile is known to be on every store; null: there is none, for tiles '
    'may still name stores that are no longer configured';

CREATE FUNCTION tessera.count_placements(_collection text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first_id bigint := (dataset_no * 10000 + year) * 10000000::bigint
        FROM tessera.collection WHERE collection = _collection;
BEGIN
    DELETE FROM tessera.placement WHERE collection = _collection;
    -- Ids are written into the statement: planned with them, it reads one partition as it lies.
    -- Most tiles are on every store; to tell these by their number spares half of the time.
    EXECUTE format($count$
        INSERT INTO tessera.placement (collection, stores, unsound_stores, tiles, bytes, unsized)
        SELECT %L, coalesce(few, ARRAY(SELECT name FROM tessera.store ORDER BY preference)),
               unsound_stores, count(*),
               sum(coalesce(embeddings_size, 0) + coalesce(scales_size, 0)),
               count(*) - count(embeddings_size + scales_size)
        FROM (SELECT *, CASE WHEN store_count IS DISTINCT FROM %L THEN stores END AS few
              FROM tessera.tile WHERE id >= %s AND id < %3$s + 10000000) AS t
        GROUP BY few, unsound_stores
        $count$,
        _collection, tessera.store_count_of_all(), first_id);
    PERFORM tessera.count_unsound(_collection);
END;
$$;
COMMENT ON FUNCTION tessera.count_placements IS 'count all tiles of a collection anew';

CREATE FUNCTION tessera.count_unsound(_collection text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first_id bigint := (dataset_no * 10000 + year) * 10000000::bigint
        FROM tessera.collection WHERE collection = _collection;
BEGIN
    UPDATE tessera.link l
    SET stale = counted.stale, incomplete = counted.incomplete
    FROM (SELECT s.store_id, count(*) FILTER (WHERE r.state = 'stale') AS stale,
                 count(*) FILTER (WHERE r.state = 'incomplete') AS incomplete
          FROM tessera.store s
          LEFT JOIN tessera.replica r ON r.store_id = s.store_id AND r.state <> 'same'
              AND r.tile_id >= first_id AND r.tile_id < first_id + 10000000
          GROUP BY s.store_id) AS counted
    WHERE l.collection = _collection AND l.store_id = counted.store_id;
END;
$$;
COMMENT ON FUNCTION tessera.count_unsound IS
    'count the stale and incomplete copies of a collection, which are few';

-- Of catalogues that are there already.
SELECT tessera.count_placements(collection) FROM tessera.collection WHERE tiles > 0;
