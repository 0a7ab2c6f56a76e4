-- Collections, dataset by dataset, year by year; those without tiles are gone from STAC.
SELECT c.collection, d.dataset, c.year, c.tiles, c.revision, c.loaded_at
FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
ORDER BY d.dataset, c.year
