-- Move the tiles in pg_temp.changed, in coverage, from the stores that held them to those that do.
WITH moved AS (
    SELECT id, name, sum(more) AS more
    FROM (
        SELECT tessera.square(id) AS id, unnest(stores) AS name, 1 AS more FROM pg_temp.changed
        UNION ALL
        SELECT tessera.square(id), unnest(old_stores), -1 FROM pg_temp.changed
    ) AS step
    GROUP BY id, name
    HAVING sum(more) <> 0
), delta AS (
    SELECT id, jsonb_object_agg(name, more) AS more FROM moved GROUP BY id
)
UPDATE tessera.coverage c
SET held = (
    SELECT coalesce(jsonb_object_agg(name, tiles) FILTER (WHERE tiles <> 0), '{{}}')
    FROM (
        SELECT key AS name, sum(value::bigint) AS tiles
        FROM (SELECT * FROM jsonb_each_text(c.held)
              UNION ALL SELECT * FROM jsonb_each_text(d.more)) AS part
        GROUP BY key
    ) AS kept
)
FROM delta d WHERE c.id = d.id
