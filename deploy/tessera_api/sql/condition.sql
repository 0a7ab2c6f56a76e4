-- The condition about items that a search ($1) amounts to.
SELECT stac_search_to_where($1::text::jsonb)
