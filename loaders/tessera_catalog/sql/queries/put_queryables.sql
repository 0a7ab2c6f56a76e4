-- Queryables of all collections from {queryables}, a JSON array of {{name, definition, index}}; one
-- that is there already, just so, is left alone, for writing it looks through the indexes of every
-- partition. Those of stores that are no longer configured go. Not by pgSTAC's function for one of
-- them, which would do that once for each.
DELETE FROM pgstac.queryables q
USING jsonb_to_recordset({queryables}) AS w (name text, definition jsonb, index text)
WHERE q.name = w.name
  AND (q.collection_ids, q.definition, q.property_index_type)
      IS DISTINCT FROM (NULL::text[], w.definition, w.index);
DELETE FROM pgstac.queryables q
WHERE starts_with(q.name, 'tessera:in_')
  AND q.name NOT IN (SELECT name FROM jsonb_to_recordset({queryables}) AS w (name text));
INSERT INTO pgstac.queryables (name, definition, property_index_type)
SELECT w.name, w.definition, w.index
FROM jsonb_to_recordset({queryables}) AS w (name text, definition jsonb, index text)
WHERE NOT EXISTS (SELECT FROM pgstac.queryables q WHERE q.name = w.name)
