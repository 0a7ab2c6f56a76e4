-- All years of a dataset agree with a store's manifest now, those too that needed nothing.
UPDATE tessera.link l
SET manifest_digest = %(manifest_digest)s, manifest_made = %(manifest_made)s, linked_at = now()
FROM tessera.store s, tessera.collection c, tessera.dataset d
WHERE s.name = %(store)s AND l.store_id = s.store_id
  AND c.collection = l.collection AND d.dataset_no = c.dataset_no AND d.dataset = %(dataset)s
  AND (l.manifest_digest, l.manifest_made)
    IS DISTINCT FROM (%(manifest_digest)s, %(manifest_made)s)
