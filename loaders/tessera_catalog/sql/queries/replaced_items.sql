-- Do {action} to each table of items that a swap has set aside.
DO $$
DECLARE
    replaced text;
BEGIN
    FOR replaced IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'pgstac'::regnamespace AND relkind = 'r' AND NOT relispartition
          AND relname ~ '^_items_[0-9]+_replaced$'
    LOOP
        EXECUTE format('%s pgstac.%I', {action}, replaced);
    END LOOP;
END;
$$
