-- A collection's ($1) dataset and year as tessera has them, what it was loaded and linked from, what
-- its tiles' ids begin with, and by which number of stores a tile is on all of them.
SELECT c.collection, d.dataset, c.year, c.revision, c.loaded_at, c.tiles,
       (SELECT md5(string_agg(l.digest::text, ',' ORDER BY l.store_id))
        FROM tessera.link l WHERE l.collection = c.collection) AS linked,
       (c.dataset_no * 10000 + c.year) * 10000000::bigint AS first_id,
       tessera.store_count_of_all() AS all_stores,
       ARRAY(SELECT name FROM tessera.store WHERE preference IS NOT NULL ORDER BY preference)
       AS stores
FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
WHERE c.collection = $1 AND c.tiles > 0
