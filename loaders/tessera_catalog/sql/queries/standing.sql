-- A dataset's catalogue in numbers.
SELECT coalesce(sum(c.tiles), 0)::bigint AS tiles,
       count(*) FILTER (WHERE c.tiles > 0) AS collections,
       tessera.revision() AS revision
FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
WHERE d.dataset = %s
