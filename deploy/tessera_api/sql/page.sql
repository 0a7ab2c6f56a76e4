-- One page of a search ($1, as pgSTAC's search() takes it, less the token): the rows after an item
-- ($2 its collection, $3 its id; null: from the beginning), or before it and in the reverse order
-- ($4 true). One row more than the page has says that there is another page.
--
-- These are the steps of search() less its formatting, which takes most of its time, and with the
-- rows looked for in parts, one after the other until the page is full, each of which an index
-- leads to: when sorted by time a year at a time (all partitions at once would each have to find
-- its first match, though the newest year has enough of them); and beginning where the item is,
-- which search() looks for in every row of the catalogue, by a comparison no index serves.
WITH page AS MATERIALIZED (
    SELECT s.search, q._where, q.orderby, t.prev, t.item, s.collections,
           (queryable(s.sortby -> 0 ->> 'field', s.collections)).expression AS key,
           parse_sort_dir(s.sortby -> 0 ->> 'direction', coalesce(t.prev, FALSE)) = 'DESC'
               AS descending,
           jsonb_array_length(s.sortby) = 3 AND s.sortby @? '$[1].field ? (@ == "collection")'
               AND s.sortby @? '$[2].field ? (@ == "id")'
               AND s.sortby -> 0 -> 'direction' = s.sortby -> 1 -> 'direction'
               AND s.sortby -> 0 -> 'direction' = s.sortby -> 2 -> 'direction' AS id_breaks_ties,
           s.sortby = any (ARRAY['[{"field": "datetime", "direction": "desc"},
                                   {"field": "collection", "direction": "desc"},
                                   {"field": "id", "direction": "desc"}]',
                                 '[{"field": "datetime", "direction": "asc"},
                                   {"field": "collection", "direction": "asc"},
                                   {"field": "id", "direction": "asc"}]']::jsonb[]) AS by_columns
    FROM (SELECT search, to_text_array(search -> 'collections') AS collections,
                 sortby_with_tiebreakers(search -> 'sortby') AS sortby
          FROM (SELECT $1::text::jsonb) AS given (search)) AS s
    CROSS JOIN search_query(s.search) AS q
    CROSS JOIN (
        SELECT NULL::items AS item, NULL::boolean AS prev WHERE $2::text IS NULL
        UNION ALL
        SELECT items, $4::boolean FROM items WHERE collection = $2::text AND id = $3::text
    ) AS t
), wanted AS MATERIALIZED (
    SELECT page.*,
           key NOT IN ('datetime', 'end_datetime', 'id', 'collection') AS nullable,
           (search ->> 'limit')::int + 1 AS rows,
           CASE WHEN prev IS NOT NULL THEN get_token_val_str(key, item) END AS value,
           CASE WHEN prev THEN sort_sqlorderby(search, TRUE, '{collection,id}', collections)
                ELSE orderby END AS reading_order,
           concat_ws(' AND ', _where,
               CASE WHEN prev IS NOT NULL THEN
                   get_token_filter(search -> 'sortby', item, prev, FALSE, collections) END,
               CASE WHEN prev IS NOT NULL AND by_columns THEN
                   format('(datetime, collection, id) %s (%L, %L, %L)',
                          CASE WHEN descending THEN '<' ELSE '>' END,
                          (item).datetime, (item).collection, (item).id) END
           ) AS condition
    FROM page
), span AS (
    SELECT extract(year FROM min(datetime))::int AS first,
           extract(year FROM max(datetime))::int AS last
    FROM items
), part (number, place, condition, reading_order) AS (
    SELECT CASE WHEN descending THEN -year ELSE year END, NULL::bigint,
           format('datetime >= %L AND datetime < %L', make_timestamptz(year, 1, 1, 0, 0, 0),
                  make_timestamptz(year + 1, 1, 1, 0, 0, 0)),
           reading_order
    FROM wanted, span, generate_series(first, last) AS year
    WHERE key = 'datetime'
      AND (prev IS NULL
           OR year = extract(year FROM (item).datetime)
           OR descending = (year < extract(year FROM (item).datetime)))
    UNION ALL
    SELECT 0, NULL,
           CASE WHEN value IS NOT NULL THEN
                    format('%s %s %s', key, CASE WHEN descending THEN '<=' ELSE '>=' END, value)
                WHEN nullable THEN format('%s IS NOT NULL', key) END,
           reading_order
    FROM wanted
    WHERE key <> 'datetime' AND (prev IS NULL OR value IS NOT NULL OR descending)
    UNION ALL
    -- Items without a value come first when descending and last when ascending; a collection of
    -- them at a time, for in these they are sorted by their ids alone.
    SELECT CASE WHEN descending THEN -1 ELSE 1 END,
           CASE WHEN descending THEN -rank() OVER (ORDER BY id) ELSE rank() OVER (ORDER BY id) END,
           format('%s IS NULL AND collection = %L', key, id),
           CASE WHEN descending THEN 'id DESC' ELSE 'id' END
    FROM wanted, (SELECT id FROM collections) AS c
    WHERE nullable AND id_breaks_ties AND (prev IS NULL OR value IS NULL OR NOT descending)
      AND (prev IS NULL OR value IS NOT NULL
           OR CASE WHEN descending THEN id <= (item).collection ELSE id >= (item).collection END)
    UNION ALL
    SELECT CASE WHEN descending THEN -1 ELSE 1 END, NULL, format('%s IS NULL', key), reading_order
    FROM wanted
    WHERE nullable AND NOT id_breaks_ties AND (prev IS NULL OR value IS NULL OR NOT descending)
)
SELECT i.collection, i.id, ST_AsGeoJSON(i.geometry, 20) AS geometry, i.content::text AS content
FROM wanted
CROSS JOIN (SELECT condition, reading_order FROM part ORDER BY number, place) AS p
-- The blank keeps search_rows from dividing a search by time once more.
CROSS JOIN LATERAL search_rows(concat_ws(' AND ', p.condition, '(' || wanted.condition || ')'),
                               ' ' || p.reading_order, NULL, wanted.rows) AS i
LIMIT (SELECT rows FROM wanted)
