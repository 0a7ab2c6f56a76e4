-- A series' tiles and items are in step with its replicas. Even when no tile has changed, what is
-- known of its copies has.
UPDATE tessera.collection
SET projection = %(projection)s, revision = nextval('tessera.revisions')
WHERE collection = %(collection)s
