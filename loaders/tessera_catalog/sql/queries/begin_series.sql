-- Register a dataset and its year under a collection id; holder is the registry's store.
WITH added AS (
    INSERT INTO tessera.dataset (dataset) VALUES (%s)
    ON CONFLICT (dataset) DO UPDATE SET dataset = excluded.dataset
    RETURNING dataset_no
)
INSERT INTO tessera.collection (collection, dataset_no, year, holder)
SELECT %s, dataset_no, %s, %s FROM added
ON CONFLICT (collection) DO UPDATE SET holder = excluded.holder
WHERE tessera.collection.holder <> excluded.holder
