-- A series' tiles and items are in step.
UPDATE tessera.collection
SET tiles = %s, fingerprint = %s, projection = %s,
    revision = nextval('tessera.revisions'), loaded_at = now()
WHERE collection = %s
