-- How many items a search ($1) matches, whatever its page.
SELECT (where_stats(q._where, FALSE, '{"context": "on"}')).total_count
FROM search_query($1::text::jsonb) AS q
