-- Where a page of a search ($1, as in plan.sql) begins: behind an item ($2 its collection, $3 its
-- id) in the order, or in its reverse ($4); $5, $6 and $7 are key, descending and by_columns of
-- plan.sql. The condition of what follows, the item's value of the key as a literal (null: it has
-- none), and its year and collection.
SELECT concat_ws(' AND ',
           get_token_filter(search -> 'sortby', items, $4, FALSE,
                            to_text_array(search -> 'collections')),
           CASE WHEN $7 THEN
               format('(datetime, collection, id) %s (%L, %L, %L)',
                      CASE WHEN $6 <> $4 THEN '<' ELSE '>' END, datetime, collection, id) END
       ) AS condition,
       get_token_val_str($5, items) AS value,
       extract(year FROM datetime)::int AS year,
       collection
FROM (SELECT $1::text::jsonb) AS given (search), items
WHERE collection = $2 AND id = $3
