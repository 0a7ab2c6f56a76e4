-- Empty tables of items that a swap has set aside.
DO $$
DECLARE
    replaced text;
BEGIN
    FOR replaced IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'pgstac'::regnamespace AND relkind = 'r' AND NOT relispartition
          AND relname ~ '^_items_[0-9]+_replaced$' AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE format('TRUNCATE pgstac.%I', replaced);
    END LOOP;
END;
$$
