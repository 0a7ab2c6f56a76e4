-- Note which manifest a collection is linked with; settle_replicas counts the unknown.
INSERT INTO tessera.link AS kept
    (collection, store_id, digest, rows, unknown, manifest_digest, manifest_made)
VALUES (%(collection)s, %(store_id)s, %(digest)s, %(rows)s, 0, %(manifest_digest)s,
        %(manifest_made)s)
ON CONFLICT (collection, store_id) DO UPDATE
SET digest = excluded.digest, rows = excluded.rows, manifest_digest = excluded.manifest_digest,
    manifest_made = excluded.manifest_made, linked_at = excluded.linked_at
