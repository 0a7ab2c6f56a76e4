-- Who may do what. The owner is whoever runs the migrations; the API and the analysts only read.
-- Roles belong to the whole server and may exist already, made by another database of it. How
-- they behave in this database is in queries/role_settings.sql.

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
    END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA pgstac, tessera TO tessera_api;
GRANT SELECT ON ALL TABLES IN SCHEMA pgstac TO tessera_api;
GRANT SELECT ON ALL TABLES IN SCHEMA tessera TO tessera_api;
-- By it tessera-export sees whether the schema is one it knows.
GRANT SELECT ON public.tessera_migration TO tessera_api;
ALTER DEFAULT PRIVILEGES IN SCHEMA pgstac GRANT SELECT ON TABLES TO tessera_api;
ALTER DEFAULT PRIVILEGES IN SCHEMA tessera GRANT SELECT ON TABLES TO tessera_api;

GRANT USAGE ON SCHEMA tessera TO tessera_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA tessera TO tessera_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA tessera GRANT SELECT ON TABLES TO tessera_reader;
