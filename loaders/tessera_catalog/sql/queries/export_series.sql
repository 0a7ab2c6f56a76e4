-- The collections that have tiles, each with a text that names its state: a load or a link that
-- changes it, and another database, have others. Null when someone else has written its items.
SELECT c.collection, d.dataset, c.year::int,
       (c.dataset_no * 10000 + c.year) * 10000000::bigint AS first_id,
       'tile_' || c.dataset_no || '_' || c.year AS tables,
       s.content AS document,
       c.revision || '-' || to_hex((extract(epoch FROM c.loaded_at) * 1e6)::bigint) || '-'
           || encode(c.projection, 'hex') AS state
FROM tessera.collection c
JOIN tessera.dataset d USING (dataset_no)
JOIN pgstac.collections s ON s.id = c.collection
WHERE c.tiles > 0
ORDER BY c.collection
