-- Which of sql/schema this database has; in public, for the first of them makes our schema.
CREATE TABLE IF NOT EXISTS public.tessera_migration (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
