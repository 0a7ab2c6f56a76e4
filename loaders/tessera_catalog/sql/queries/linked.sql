-- Digests of the manifests that a collection was linked with.
SELECT s.name, l.digest FROM tessera.link l JOIN tessera.store s USING (store_id)
WHERE l.collection = %s
