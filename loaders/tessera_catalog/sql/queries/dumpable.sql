-- A dump is restored with an empty search path, by which pgSTAC's function of a generated column
-- does not find PostGIS: there would be no table of collections. At each start of a tool, for an
-- upgrade of pgSTAC writes it anew.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_proc WHERE oid = 'pgstac.collection_geom(jsonb)'::regprocedure
                                     AND proconfig IS NULL) THEN
        ALTER FUNCTION pgstac.collection_geom(jsonb) SET search_path = pgstac, public;
    END IF;
END;
$$
