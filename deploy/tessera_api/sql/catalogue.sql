-- The queryables, as {name: definition}. A definition for single collections counts for all.
SELECT coalesce(jsonb_object_agg(name, coalesce(definition, '{}') ORDER BY id), '{}')
FROM queryables
