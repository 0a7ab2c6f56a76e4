-- Move the tiles in pg_temp.changed from the placements they had to those they have.
INSERT INTO tessera.placement AS kept
    (collection, stores, unsound_stores, tiles, bytes, unsized)
SELECT {collection}, stores, unsound_stores, sum(n), sum(n * bytes), sum(n * unsized)
FROM (
    SELECT stores, unsound_stores, 1 AS n, bytes, unsized FROM pg_temp.changed
    UNION ALL
    SELECT old_stores, old_unsound_stores, -1, bytes, unsized FROM pg_temp.changed
) AS moved
GROUP BY stores, unsound_stores
ON CONFLICT (collection, stores, unsound_stores) DO UPDATE
SET tiles = kept.tiles + excluded.tiles, bytes = kept.bytes + excluded.bytes,
    unsized = kept.unsized + excluded.unsized;
DELETE FROM tessera.placement WHERE collection = {collection} AND tiles = 0;
SELECT tessera.count_unsound({collection})
