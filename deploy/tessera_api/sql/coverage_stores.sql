-- Cells of the grid, 4 bytes each, of the tiles with ids from {first_id} on, by where copies are.
-- Stores are null where there are {all_stores} of them: most tiles are on all, and to tell these
-- by the number spares a third of the time. Ids stand in the statement so that it is planned for
-- the one partition it reads.
WITH unsound AS (
    SELECT r.tile_id, jsonb_object_agg(s.name, r.state) AS states
    FROM tessera.replica r JOIN tessera.store s USING (store_id)
    WHERE r.state <> 'same' AND r.tile_id >= {first_id} AND r.tile_id < {first_id} + 10000000
    GROUP BY r.tile_id
), tile AS (
    SELECT id, CASE WHEN store_count IS DISTINCT FROM {all_stores} THEN stores END AS stores
    FROM tessera.tile
    WHERE id >= {first_id} AND id < {first_id} + 10000000
)
SELECT t.stores, u.states, string_agg(int4send((t.id - {first_id})::int), '') AS cells
FROM tile t LEFT JOIN unsound u ON u.tile_id = t.id
GROUP BY t.stores, u.states
