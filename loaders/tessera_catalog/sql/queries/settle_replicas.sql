-- Make {replicas} agree with pg_temp.said. Of the stores in pg_temp.told_whole it says everything,
-- of others only what may have changed. Leaves pg_temp.moved: the copies whose record changed, and
-- by how many (1, 0, -1) each makes its store's copies more.
-- The rule is that of tessera_sync.truth, with the registry as the source; but nothing is broken: of
-- a tile that the registry itself has incomplete, a copy is judged as any other.
ANALYZE pg_temp.said;
CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
SELECT s.tile_id, s.store_id, s.embeddings_size, s.scales_size, s.verified_at,
       CASE WHEN s.embeddings_size = 0 OR s.scales_size = 0 THEN 'incomplete'
            WHEN s.embeddings_size <> t.embeddings_size OR s.scales_size <> t.scales_size
              OR s.embeddings_sha256 <> t.embeddings_sha256
              OR s.scales_sha256 <> t.scales_sha256 THEN 'stale'
            ELSE 'same' END AS state
FROM pg_temp.said s JOIN {tiles} t ON t.id = s.tile_id
WHERE s.present
ORDER BY s.tile_id, s.store_id;
ANALYZE pg_temp.judged;
CREATE TEMPORARY TABLE moved (tile_id bigint, store_id smallint, more smallint) ON COMMIT DROP;
INSERT INTO pg_temp.said (store_id, tile_id, present)
SELECT r.store_id, r.tile_id, false FROM {replicas} r
WHERE EXISTS (SELECT FROM pg_temp.told_whole)  -- else nothing is looked through
  AND r.store_id = ANY (ARRAY(SELECT store_id FROM pg_temp.told_whole))
  AND NOT EXISTS (SELECT FROM pg_temp.said s
                  WHERE s.tile_id = r.tile_id AND s.store_id = r.store_id);
WITH gone AS (
    DELETE FROM {replicas} r USING pg_temp.said s
    WHERE NOT s.present AND r.tile_id = s.tile_id AND r.store_id = s.store_id
    RETURNING r.tile_id, r.store_id, -1
)
INSERT INTO pg_temp.moved SELECT * FROM gone;
-- Loads and links hold one lock: nobody else inserts, and ON CONFLICT, which looks twice for each
-- row of a first link, is not needed. What is there is brought into step before what is new comes.
WITH altered AS (
    UPDATE {replicas} r
    SET state = j.state, embeddings_size = j.embeddings_size,
        scales_size = j.scales_size, verified_at = j.verified_at
    FROM pg_temp.judged j
    WHERE r.tile_id = j.tile_id AND r.store_id = j.store_id
      AND (r.state, r.embeddings_size, r.scales_size, r.verified_at)
        IS DISTINCT FROM (j.state, j.embeddings_size, j.scales_size, j.verified_at)
    RETURNING r.tile_id, r.store_id, 0
)
INSERT INTO pg_temp.moved SELECT * FROM altered;
-- What is there is listed first: a table that the server knows to be empty it would look through anew
-- for each copy, while it fills.
WITH held AS MATERIALIZED (
    SELECT r.tile_id, r.store_id
    FROM {replicas} r JOIN pg_temp.judged j ON r.tile_id = j.tile_id AND r.store_id = j.store_id
), put AS (
    INSERT INTO {replicas} (tile_id, store_id, state, embeddings_size, scales_size, verified_at)
    SELECT j.tile_id, j.store_id, j.state, j.embeddings_size, j.scales_size, j.verified_at
    FROM pg_temp.judged j
    WHERE NOT EXISTS (SELECT FROM held h
                      WHERE h.tile_id = j.tile_id AND h.store_id = j.store_id)
    RETURNING tile_id, store_id, 1
)
INSERT INTO pg_temp.moved SELECT * FROM put;
CREATE TEMPORARY VIEW moved_by_store AS
SELECT s.name, count(*) FROM pg_temp.moved JOIN tessera.store s USING (store_id) GROUP BY s.name;
UPDATE tessera.link l
SET unknown = l.unknown - counted.more
FROM (SELECT store_id, sum(more) AS more FROM pg_temp.moved GROUP BY store_id) AS counted
WHERE l.collection = {collection} AND l.store_id = counted.store_id
