-- Tiles that manifests have and the registry has not, by store.
SELECT s.name, sum(l.unknown)::bigint
FROM tessera.link l
JOIN tessera.store s USING (store_id)
JOIN tessera.collection c USING (collection)
JOIN tessera.dataset d USING (dataset_no)
WHERE d.dataset = %s
GROUP BY s.name
HAVING sum(l.unknown) > 0
