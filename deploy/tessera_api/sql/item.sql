-- An item ($1 its collection, $2 its id), with the columns that the rows of a page have.
SELECT collection, id, ST_AsGeoJSON(geometry, 20) AS geometry, content::text AS content
FROM items
WHERE collection = $1 AND id = $2
