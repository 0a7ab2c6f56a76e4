-- The items of {collection} that meet {condition} and whose {tiles} lie in {area}, by place.
SELECT i.id, public.ST_AsBinary(i.geometry), i.content::text
FROM (
    SELECT id, tessera.item_id(id) AS item FROM {tiles}
    WHERE id >= {first} AND id < {end} AND tessera.in_box(lon_i, lat_i, {area})
) AS t
JOIN (
    SELECT * FROM pgstac.items WHERE collection = {collection} AND ({condition})
) AS i ON i.id = t.item
ORDER BY t.id
