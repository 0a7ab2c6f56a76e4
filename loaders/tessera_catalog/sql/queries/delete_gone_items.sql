-- Items of {partition} whose tiles are among {changed} and are there no more.
DELETE FROM {partition}
WHERE id IN (
    SELECT tessera.item_id(id) FROM {changed}
    WHERE id NOT IN (SELECT id FROM pg_temp.patch_source)
)
