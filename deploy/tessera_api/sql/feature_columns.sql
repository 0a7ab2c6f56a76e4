-- The columns of tables of tessera ($1) that are served as features, in their order, with the type
-- as tipg names it and the comments on table and column. Hashes are left to the items.
SELECT c.relname AS table_name, obj_description(c.oid) AS about, a.attname AS name,
       CASE WHEN t.typname IN ('timestamptz', 'geometry') THEN t.typname
            ELSE format_type(a.atttypid, NULL) END AS type,
       col_description(c.oid, a.attnum) AS description
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'tessera'::regnamespace AND c.relname = ANY ($1) AND t.typname <> 'bytea'
ORDER BY c.relname, a.attnum
