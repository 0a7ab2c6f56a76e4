-- One page of a search ($1, as pgSTAC's search() takes it), in the order asked for; of a "prev"
-- token in the reverse. One row more than the page has says that there is another page. These are
-- the steps of search() less its formatting, which takes most of its time.
WITH page AS MATERIALIZED (
    SELECT s.search, t.prev, t.item, q._where, q.orderby,
           to_text_array(s.search -> 'collections') AS collections
    FROM (SELECT $1::text::jsonb) AS s (search)
    CROSS JOIN search_query(s.search) AS q
    CROSS JOIN get_token_record(s.search ->> 'token') AS t
), rows AS MATERIALIZED (
    SELECT
        concat_ws(' AND ', _where, CASE WHEN prev IS NOT NULL THEN
            get_token_filter(search -> 'sortby', item, prev, FALSE, collections) END) AS wanted,
        CASE WHEN prev THEN sort_sqlorderby(search, TRUE, '{collection,id}', collections)
             ELSE orderby END AS orderby,
        (search ->> 'limit')::int + 1 AS rows
    FROM page
)
SELECT i.collection, i.id, ST_AsGeoJSON(i.geometry, 20) AS geometry, i.content::text AS content
FROM rows, search_rows(rows.wanted, rows.orderby, NULL, rows.rows) AS i
