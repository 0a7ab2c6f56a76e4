-- The table {fresh} becomes the partition {old} of pgstac.items; what stood there is set aside, for
-- replaced_items. (To drop it here would take a lock on pgstac.collections that two who
-- have read it cannot both have.)
DO $swap$
BEGIN
    IF to_regclass({path}) IS NOT NULL THEN
        -- One lock for both steps: no reader may see the collection without a partition. Our own
        -- transactions queue up elsewhere, where they do not keep readers waiting.
        PERFORM pg_advisory_xact_lock(hashtext('tessera.swap_items'));
        LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE pgstac.items DETACH PARTITION {old};
        -- Its foreign key stays, and with it the deletes of any collection that come by here.
        DROP TRIGGER IF EXISTS void_projection ON {old};
        ALTER TABLE {old} RENAME TO {old_name};
        ALTER INDEX {key_path} RENAME TO {old_key};
    END IF;
    ALTER TABLE {fresh} RENAME TO {new_name};
    ALTER INDEX {fresh_key} RENAME TO {key};
    ALTER TABLE {old} OWNER TO pgstac_admin;
    GRANT ALL ON {old} TO pgstac_ingest;
    ALTER TABLE pgstac.items ATTACH PARTITION {old} FOR VALUES IN ({collection});
    -- The row of partition_stats that searches go by. Not check_partition, which would look
    -- through all indexes for one that is wanting: there is none.
    PERFORM pgstac.update_partition_stats({partition}, true);
END;
$swap$
