-- Roles, and their passwords as the secrets have them. Run at every start; a role's own rights come
-- with the schema, from the first load.
SET log_min_error_statement = panic;  -- statements below have passwords in them

SELECT format('CREATE ROLE %I LOGIN', name)
FROM (VALUES ('tessera_api'), ('tessera_reader'), ('replicator')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE replicator REPLICATION;

\set owner `cat "$OWNER_PASSWORD_FILE"`
\set api `cat "$API_PASSWORD_FILE"`
\set reader `cat "$READER_PASSWORD_FILE"`
\set replication `cat "$REPLICATION_PASSWORD_FILE"`
ALTER ROLE CURRENT_USER PASSWORD :'owner';
ALTER ROLE tessera_api PASSWORD :'api';
ALTER ROLE tessera_reader PASSWORD :'reader';
ALTER ROLE replicator PASSWORD :'replication';

-- Ways to fill the disk that PostgreSQL leaves open to everybody who may connect; pgSTAC's own
-- functions need the first.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), rolname)
FROM pg_roles WHERE rolname IN ('pgstac_admin', 'pgstac_ingest')
\gexec
REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC;
