-- From tiles to STAC items: the parts of the renderer that do not depend on the single tile.
-- queries/render_items.sql is the rest; load and link both run it.

-- All of an item but what differs from tile to tile, as a template for format(). What the tiles
-- of one set of stores share is assembled once here; the fields it leaves open are, by number:
-- 1 name part "0.85_49.95", 2–5 west, south, east, north, 6–7 centre, 8 the centre for people,
-- 9 further properties, 10 and 11 further members of the assets (each ',"key":value' or empty).
CREATE FUNCTION tessera.item_template(
    _collection text, _stores text[], _unsound text[], _has_scales boolean
) RETURNS text LANGUAGE sql STABLE AS $$
    WITH series AS (
        SELECT c.year, d.dataset, to_jsonb(b.base_item_id) AS base_item
        FROM tessera.collection c
        JOIN tessera.dataset d USING (dataset_no)
        CROSS JOIN LATERAL pgstac.current_base_item(c.collection) b
        WHERE c.collection = _collection
    ), store AS (
        SELECT name, title, preference, tessera.address(url, dataset) AS url
        FROM tessera.store, series WHERE preference IS NOT NULL
    ), held AS (
        SELECT *, row_number() OVER (ORDER BY preference) AS rank FROM store
        WHERE name = ANY (_stores)
    ), kind AS (
        SELECT key, '/' || tessera.file_path(year, '{{name}}', key) AS path, present
        FROM series, (VALUES ('embeddings', true), ('embeddings_scales', _has_scales))
            AS file (key, present)
    ), asset AS (
        -- An asset that the collection's item_assets has and the item has not is stored as this
        -- marker: pgSTAC would otherwise give it back when it merges the two.
        SELECT kind.key, coalesce(
            (SELECT jsonb_build_object(
                        'href', url || path || '{{' || key || '}}',
                        'alternate:name', title)
                    || CASE WHEN others.alternates IS NULL THEN '{}'
                            ELSE jsonb_build_object('alternate', others.alternates) END
             FROM held,
                  (SELECT jsonb_object_agg(name, jsonb_build_object(
                              'href', url || path, 'alternate:name', title)) AS alternates
                   FROM held WHERE rank > 1) others
             WHERE rank = 1 AND present),
            to_jsonb('𒍟※'::text)) AS value
        FROM kind
    ), properties AS (
        SELECT jsonb_build_object(
                'title', 'Tile {{people}} (' || year || ')',
                'datetime', year || '-01-01T00:00:00Z',
                'start_datetime', year || '-01-01T00:00:00Z',
                'end_datetime', year || '-12-31T23:59:59Z',
                'gsd', 10,
                'grid:code', 'TESSERA-grid_{{name}}',
                'tessera:year', year,
                'tessera:lon', '{{lon}}',
                'tessera:lat', '{{lat}}',
                'tessera:dataset', dataset,
                'tessera:stores',
                (SELECT coalesce(jsonb_agg(name ORDER BY preference), '[]') FROM held),
                'tessera:store_count', (SELECT count(*) FROM held),
                'tessera:missing_stores',
                (SELECT coalesce(jsonb_agg(name ORDER BY preference), '[]') FROM store
                 WHERE name <> ALL (_stores || _unsound)))
            || (SELECT jsonb_object_agg('tessera:in_' || name, name = ANY (_stores)) FROM store)
            AS value
        FROM series
    ), item AS (
        SELECT (jsonb_build_object(
                'bbox', jsonb_build_array('{{west}}', '{{south}}', '{{east}}', '{{north}}'),
                'stac_extensions', jsonb_build_array(
                    'https://stac-extensions.github.io/file/v2.1.0/schema.json',
                    'https://stac-extensions.github.io/grid/v1.1.0/schema.json',
                    'https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json'),
                'properties', properties.value,
                'assets', (SELECT jsonb_object_agg(key, value) FROM asset))
            || jsonb_strip_nulls(jsonb_build_object('pgstac:base_item', base_item)))::text AS text
        FROM series, properties
    )
    SELECT replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
        replace(item.text, '%', '%%'),
        '{{name}}', '%1$s'),
        '"{{west}}"', '%2$s'), '"{{south}}"', '%3$s'),
        '"{{east}}"', '%4$s'), '"{{north}}"', '%5$s'),
        '"{{lon}}"', '%6$s'), '"{{lat}}"', '%7$s'),
        '{{people}}', '%8$s'),
        '"gsd": 10', '"gsd": 10%9$s'),
        '{{embeddings}}"', '"%10$s'), '{{embeddings_scales}}"', '"%11$s')
    FROM item
$$;
COMMENT ON FUNCTION tessera.item_template IS 'of the items of all tiles with copies in these stores';

CREATE FUNCTION tessera.item_id(tile_id bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT tile_id / 10000000 % 10000
        || '_grid_' || tessera.place((tile_id % 10000000 % 3600 * 10 - 17995)::integer,
                                     (8995 - tile_id % 10000000 / 3600 * 10)::integer)
$$;
COMMENT ON FUNCTION tessera.item_id IS 'id of a tile''s STAC item: 2024_grid_0.85_49.95';

-- Whatever a partition of pgstac.items must have as indexes, by pgSTAC's own account: those of
-- the parent and one for each indexed queryable.
CREATE FUNCTION tessera.items_indexes(_table text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pgstac, public AS $$
    SELECT DISTINCT indexdef_unnamed(pg_get_indexdef(indexrelid), _table)
    FROM pg_index
    WHERE indrelid IN ('pgstac.items'::regclass, 'pgstac.queryable_index_template'::regclass)
      AND NOT indisunique
$$;
COMMENT ON FUNCTION tessera.items_indexes IS 'statements that make the indexes of such a table';

-- Items are ours to write. When anyone else does, the next load makes the items of that collection
-- anew. By hand, directly in a partition: the argument names the collection.
CREATE FUNCTION tessera.void_projection() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tessera AS $$
BEGIN
    UPDATE tessera.collection SET projection = NULL
    WHERE projection IS NOT NULL AND (TG_NARGS = 0 OR collection = TG_ARGV[0]);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tessera_void_projection AFTER TRUNCATE
    ON pgstac.items FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_projection();

-- As pgSTAC does: the statement's rows tell which.
CREATE FUNCTION tessera.void_projections() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tessera AS $$
BEGIN
    UPDATE tessera.collection SET projection = NULL
    WHERE projection IS NOT NULL AND collection IN (SELECT t.collection FROM touched t);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tessera_void_inserted AFTER INSERT ON pgstac.items
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_projections();
CREATE TRIGGER tessera_void_updated AFTER UPDATE ON pgstac.items
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_projections();
CREATE TRIGGER tessera_void_deleted AFTER DELETE ON pgstac.items
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_projections();

-- Searches sort by these three when not told otherwise, and all items of a year share their
-- datetime: without this index every page sorts a year. On the template too, so that pgSTAC
-- counts it among the indexes that belong there.
CREATE INDEX tessera_default_sort
    ON pgstac.items (datetime DESC, collection DESC, id DESC);
CREATE INDEX tessera_default_sort_template
    ON pgstac.queryable_index_template (datetime DESC, collection DESC, id DESC);
