-- Properties of items, with the JSON schema of each.
SELECT name, definition FROM pgstac.queryables
WHERE name NOT IN ('id', 'geometry', 'collection') AND name NOT LIKE 'assets.%'
ORDER BY name
