-- What each year of each dataset is called.
SELECT c.collection, d.dataset, c.year
FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
ORDER BY c.collection
