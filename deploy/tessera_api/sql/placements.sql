-- Tiles by collection, of those for which a condition of pgSTAC's holds: one about items, that asks
-- for nothing but what all tiles of a placement have in common.
SELECT collection, sum(tiles)::bigint AS tiles
FROM (
    SELECT p.collection, p.tiles,
           make_timestamptz(c.year, 1, 1, 0, 0, 0, 'UTC') AS datetime,
           make_timestamptz(c.year, 12, 31, 23, 59, 59, 'UTC') AS end_datetime,
           jsonb_build_object('properties', jsonb_build_object(
               'tessera:year', c.year,
               'tessera:dataset', d.dataset,
               'tessera:stores', to_jsonb(p.stores),
               'tessera:store_count', cardinality(p.stores),
               'tessera:missing_stores',
               (SELECT coalesce(jsonb_agg(name ORDER BY preference), '[]') FROM tessera.store
                WHERE preference IS NOT NULL
                  AND name <> ALL (p.stores || coalesce(p.unsound_stores, '{{}}'))))) AS content
    FROM tessera.placement AS p
    JOIN tessera.collection AS c USING (collection)
    JOIN tessera.dataset AS d USING (dataset_no)
) AS items
WHERE ({where})
GROUP BY collection
