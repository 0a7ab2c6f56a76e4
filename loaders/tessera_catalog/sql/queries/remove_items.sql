-- Remove a collection with all its items. The locks that this takes anyway, but at once and in
-- order: two removals that each have a part of them could not go on.
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tessera.swap_items'));
    LOCK TABLE pgstac.items, pgstac.collections IN ACCESS EXCLUSIVE MODE;
    PERFORM pgstac.delete_collection({collection});
END;
$$
