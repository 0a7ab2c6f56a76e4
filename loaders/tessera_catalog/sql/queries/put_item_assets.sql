-- Make the STAC collection if it is not there, else renew nothing but its item_assets.
INSERT INTO pgstac.collections AS kept (content) VALUES (%(collection)s)
ON CONFLICT (id) DO UPDATE
SET content = kept.content || jsonb_build_object('item_assets', excluded.content -> 'item_assets')
WHERE kept.content -> 'item_assets' IS DISTINCT FROM excluded.content -> 'item_assets'
