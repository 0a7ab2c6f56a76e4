-- Queryables of all collections from a JSON array of {name, definition, index}; one that is there
-- already, just so, is left alone, for writing it would look through every partition's indexes.
SELECT pgstac.upsert_queryable(
           w.name, w.definition, NULL, w.index, NULL)
FROM jsonb_to_recordset(%s) AS w (name text, definition jsonb, index text)
WHERE NOT EXISTS (
    SELECT FROM pgstac.queryables q
    WHERE q.name = w.name AND q.collection_ids IS NULL AND q.definition = w.definition
      AND q.property_index_type IS NOT DISTINCT FROM w.index)
