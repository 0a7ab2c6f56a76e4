-- Register a dataset and its year under a collection id; holder is the registry's store. What is
-- there already is looked up first, for an insert that meets a conflict uses up a number.
WITH known AS (
    SELECT dataset_no FROM tessera.dataset WHERE dataset = %(dataset)s
), added AS (
    INSERT INTO tessera.dataset (dataset)
    SELECT %(dataset)s WHERE NOT EXISTS (SELECT FROM known)
    RETURNING dataset_no
)
INSERT INTO tessera.collection (collection, dataset_no, year, holder)
SELECT %(collection)s, dataset_no, %(year)s, %(holder)s
FROM (SELECT dataset_no FROM known UNION ALL SELECT dataset_no FROM added) AS its
ON CONFLICT (collection) DO NOTHING
