-- The years of a dataset.
SELECT c.collection, d.dataset, d.dataset_no::int, c.year::int, c.holder, c.tiles, c.fingerprint, c.projection
FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
WHERE d.dataset = %s
ORDER BY c.year
