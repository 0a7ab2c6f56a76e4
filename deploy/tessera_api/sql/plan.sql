-- What a search ($1, as pgSTAC's search() takes it, less its page) amounts to: a condition, an order
-- and its reverse, and of the order what it sorts by first, in which direction, whether ids alone
-- decide among items without that, and whether it is the order of an index of columns.
SELECT stac_search_to_where(search) AS condition,
       sort_sqlorderby(search, FALSE, '{collection,id}', collections) AS forward,
       sort_sqlorderby(search, TRUE, '{collection,id}', collections) AS backward,
       (queryable(sortby -> 0 ->> 'field', collections)).expression AS key,
       parse_sort_dir(sortby -> 0 ->> 'direction') = 'DESC' AS descending,
       jsonb_array_length(sortby) = 3 AND sortby @? '$[1].field ? (@ == "collection")'
           AND sortby @? '$[2].field ? (@ == "id")'
           AND sortby -> 0 -> 'direction' = sortby -> 1 -> 'direction'
           AND sortby -> 0 -> 'direction' = sortby -> 2 -> 'direction' AS id_breaks_ties,
       sortby = any (ARRAY['[{"field": "datetime", "direction": "desc"},
                             {"field": "collection", "direction": "desc"},
                             {"field": "id", "direction": "desc"}]',
                           '[{"field": "datetime", "direction": "asc"},
                             {"field": "collection", "direction": "asc"},
                             {"field": "id", "direction": "asc"}]']::jsonb[]) AS by_columns
FROM (SELECT search, to_text_array(search -> 'collections') AS collections,
             sortby_with_tiebreakers(search -> 'sortby') AS sortby
      FROM (SELECT $1::text::jsonb) AS given (search)) AS s
