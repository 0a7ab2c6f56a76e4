-- What the manifests that are linked say.
SELECT l.collection, s.name AS store, l.stale, l.incomplete, l.rows, l.unknown, l.manifest_made,
       l.linked_at, l.verified, l.verified_first, l.verified_last
FROM tessera.link l JOIN tessera.store s USING (store_id)
