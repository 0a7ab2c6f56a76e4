-- Whether any collection is of made-up tiles.
SELECT EXISTS (SELECT FROM pgstac.collections WHERE (content ->> 'tessera:synthetic')::boolean)
