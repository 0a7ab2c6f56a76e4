-- Who may do what. The owner is whoever runs the migrations; the API and the analysts only read.
-- Roles belong to the whole server and may exist already, made by another database of it.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['tessera_api', 'tessera_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- In this database alone: roles are shared with others.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET statement_timeout = ''30s''',
                       role_name, current_database());
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on',
                       role_name, current_database());
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = ''60s''',
                       role_name, current_database());
    END LOOP;
    -- readonly: searches do not write their cache, so none of pgSTAC's tables need be granted for
    -- writing, and a hot standby can answer. context: count what a search matches.
    EXECUTE format('ALTER ROLE tessera_api IN DATABASE %I SET pgstac.readonly = ''true''',
                   current_database());
    EXECUTE format('ALTER ROLE tessera_api IN DATABASE %I SET pgstac.context = ''on''',
                   current_database());
    EXECUTE format('ALTER ROLE tessera_api IN DATABASE %I SET search_path = pgstac, public',
                   current_database());
END;
$$;

GRANT USAGE ON SCHEMA pgstac, tessera TO tessera_api;
GRANT SELECT ON ALL TABLES IN SCHEMA pgstac TO tessera_api;
GRANT SELECT ON ALL TABLES IN SCHEMA tessera TO tessera_api;
ALTER DEFAULT PRIVILEGES IN SCHEMA pgstac GRANT SELECT ON TABLES TO tessera_api;
ALTER DEFAULT PRIVILEGES IN SCHEMA tessera GRANT SELECT ON TABLES TO tessera_api;

GRANT USAGE ON SCHEMA tessera TO tessera_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA tessera TO tessera_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA tessera GRANT SELECT ON TABLES TO tessera_reader;
