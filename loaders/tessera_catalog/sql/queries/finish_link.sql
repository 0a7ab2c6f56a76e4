-- A series' tiles and items are in step with its replicas.
UPDATE tessera.collection
SET projection = %(projection)s,
    revision = CASE WHEN %(changed)s THEN nextval('tessera.revisions') ELSE revision END
WHERE collection = %(collection)s
