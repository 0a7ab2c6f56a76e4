-- Note which manifest a collection is linked with; settle_replicas then takes
-- the tiles that the registry has off the unknown: those it had all along are taken off here.
INSERT INTO tessera.link AS kept
    (collection, store_id, digest, rows, unknown, verified, verified_first, verified_last,
     manifest_digest, manifest_made)
VALUES (%(collection)s, %(store_id)s, %(digest)s, %(rows)s, %(rows)s,
        %(verified)s, %(verified_first)s, %(verified_last)s,
        %(manifest_digest)s, %(manifest_made)s)
ON CONFLICT (collection, store_id) DO UPDATE
SET digest = excluded.digest, rows = excluded.rows,
    unknown = excluded.rows - (kept.rows - kept.unknown), verified = excluded.verified,
    verified_first = excluded.verified_first, verified_last = excluded.verified_last,
    manifest_digest = excluded.manifest_digest, manifest_made = excluded.manifest_made,
    linked_at = excluded.linked_at
