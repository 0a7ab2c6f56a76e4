-- A rebuilt year is swapped in under a lock, and a reader that waits for it must then look with a
-- snapshot of its own: with that of its caller, as a STABLE function does, it would find no row of
-- a table filled since. At each start of a tool, for an upgrade of pgSTAC writes them anew.
DO $$
DECLARE
    reader regprocedure;
BEGIN
    FOR reader IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pgstac'::regnamespace AND provolatile <> 'v'
          AND proname IN ('get_item', 'item_by_id', 'get_token_record')
    LOOP
        EXECUTE format('ALTER FUNCTION %s VOLATILE', reader);
    END LOOP;
END;
$$
