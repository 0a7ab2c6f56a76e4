-- Note which manifest a collection is linked with; settle_replicas counts the unknown.
INSERT INTO tessera.link AS kept
    (collection, store_id, digest, rows, unknown, verified, verified_first, verified_last,
     manifest_digest, manifest_made)
VALUES (%(collection)s, %(store_id)s, %(digest)s, %(rows)s, 0,
        %(verified)s, %(verified_first)s, %(verified_last)s,
        %(manifest_digest)s, %(manifest_made)s)
ON CONFLICT (collection, store_id) DO UPDATE
SET digest = excluded.digest, rows = excluded.rows, verified = excluded.verified,
    verified_first = excluded.verified_first, verified_last = excluded.verified_last,
    manifest_digest = excluded.manifest_digest, manifest_made = excluded.manifest_made,
    linked_at = excluded.linked_at
