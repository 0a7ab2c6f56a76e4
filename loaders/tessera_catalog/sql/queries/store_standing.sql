-- What a dataset's catalogue has of each configured store.
WITH series AS (
    SELECT c.collection FROM tessera.collection c JOIN tessera.dataset d USING (dataset_no)
    WHERE d.dataset = %(dataset)s AND c.tiles > 0
), sound AS (
    SELECT held.name, sum(p.tiles) AS tiles
    FROM tessera.placement p JOIN series USING (collection)
    CROSS JOIN LATERAL unnest(p.stores) AS held (name)
    GROUP BY held.name
)
SELECT s.name, sum(l.unknown)::bigint AS unknown,
       coalesce(max(sound.tiles), 0)::bigint AS sound,
       coalesce(array_agg(DISTINCT l.manifest_digest) FILTER (WHERE l.store_id IS NOT NULL), '{}')
       AS manifest_digests,
       min(l.linked_at) AS linked_at
FROM tessera.store s
LEFT JOIN tessera.link l
    ON l.store_id = s.store_id AND l.collection IN (SELECT collection FROM series)
LEFT JOIN sound ON sound.name = s.name
WHERE s.preference IS NOT NULL
GROUP BY s.name, s.preference
ORDER BY s.preference
