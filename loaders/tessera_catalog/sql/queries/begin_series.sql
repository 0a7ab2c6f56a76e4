-- Register a dataset and its year under a collection id; holder is the registry's store. A new
-- dataset gets the next number: unlike a sequence, that uses up none when a load is killed. Loads
-- wait for each other, so no two take the same.
WITH known AS (
    SELECT dataset_no FROM tessera.dataset WHERE dataset = %(dataset)s
), added AS (
    INSERT INTO tessera.dataset (dataset_no, dataset)
    SELECT (SELECT coalesce(max(dataset_no), 0) + 1 FROM tessera.dataset), %(dataset)s
    WHERE NOT EXISTS (SELECT FROM known)
    RETURNING dataset_no
)
INSERT INTO tessera.collection (collection, dataset_no, year, holder)
SELECT %(collection)s, dataset_no, %(year)s, %(holder)s
FROM (SELECT dataset_no FROM known UNION ALL SELECT dataset_no FROM added) AS its
ON CONFLICT (collection) DO NOTHING
