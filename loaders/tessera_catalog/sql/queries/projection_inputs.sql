-- What shapes a collection's items besides its tiles and the text of render_items.
SELECT (SELECT jsonb_agg(jsonb_build_array(name, title, url, preference) ORDER BY preference)
        FROM tessera.store WHERE preference IS NOT NULL) AS stores,
       pg_get_functiondef('tessera.item_template'::regproc) AS template,
       base_item_id, base_item -> 'assets' AS item_assets
FROM pgstac.current_base_item(%s)
WHERE base_item IS NOT NULL
