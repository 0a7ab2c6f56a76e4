-- What is kept in memory of the catalogue: the queryables, as {name: {definition, index}}; whether
-- every item is a tile that the placements count; how many copies a tile has that is on every store
-- (null: it cannot be told by their number); the collections of tiles with what theirs have in
-- common; all collections as {id: literal}, in their order; and the first and last year of items.
SELECT
    (SELECT coalesce(jsonb_object_agg(name, jsonb_build_object(
                'definition', coalesce(definition, '{}'), 'index', property_index_type)), '{}')
     FROM queryables) AS queryables,
    NOT EXISTS (SELECT FROM collections AS c
                WHERE NOT EXISTS (SELECT FROM tessera.collection WHERE collection = c.id))
    AND NOT EXISTS (SELECT FROM tessera.collection AS c
                    WHERE tiles <> (SELECT coalesce(sum(p.tiles), 0) FROM tessera.placement AS p
                                    WHERE p.collection = c.collection)) AS placed,
    tessera.store_count_of_all() AS all_stores,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('collection', c.collection,
                'tessera:dataset', d.dataset, 'tessera:year', c.year) ORDER BY c.collection), '[]')
     FROM tessera.collection AS c JOIN tessera.dataset AS d USING (dataset_no)
     WHERE c.tiles > 0) AS collections,
    (SELECT coalesce(json_object_agg(id, quote_literal(id) ORDER BY id), '{}') FROM collections)
        AS literals,
    extract(year FROM (SELECT min(datetime) FROM items))::int AS first_year,
    extract(year FROM (SELECT max(datetime) FROM items))::int AS last_year
