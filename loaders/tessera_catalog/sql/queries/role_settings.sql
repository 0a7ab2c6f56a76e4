-- How the roles behave in this database. Applied at each start of a tool, for the server keeps it
-- beside the database: a dump or a copy of the database does not have it.
DO $$
DECLARE
    setting record;
BEGIN
    FOR setting IN
        SELECT * FROM (VALUES
            -- The API asks the same of each session itself; a pool between does not pass it on.
            ('tessera_api', 'statement_timeout', '20s'),
            ('tessera_api', 'jit', 'off'),
            ('tessera_api', 'parallel_setup_cost', '20000'),
            ('tessera_api', 'default_transaction_read_only', 'on'),
            ('tessera_api', 'idle_in_transaction_session_timeout', '60s'),
            ('tessera_api', 'search_path', 'pgstac, public'),
            -- Searches do not write their cache: none of pgSTAC's tables need be granted for
            -- writing, and a hot standby can answer.
            ('tessera_api', 'pgstac.readonly', 'true'),
            -- Count what a search matches.
            ('tessera_api', 'pgstac.context', 'on'),
            ('tessera_reader', 'statement_timeout', '60s'),
            ('tessera_reader', 'default_transaction_read_only', 'on'),
            ('tessera_reader', 'idle_in_transaction_session_timeout', '60s')
        ) AS wanted (role, name, value)
        WHERE NOT EXISTS (
            SELECT FROM pg_db_role_setting s
            JOIN pg_roles r ON r.oid = s.setrole
            JOIN pg_database d ON d.oid = s.setdatabase
            WHERE r.rolname = wanted.role AND d.datname = current_database()
              AND (wanted.name || '=' || wanted.value = ANY (s.setconfig)))
    LOOP
        -- A list, such as a search path, must not be quoted as one word.
        EXECUTE format(
            CASE WHEN setting.name = 'search_path' THEN 'ALTER ROLE %I IN DATABASE %I SET %s = %s'
                 ELSE 'ALTER ROLE %I IN DATABASE %I SET %s = %L' END,
            setting.role, current_database(), setting.name, setting.value);
    END LOOP;
END;
$$
