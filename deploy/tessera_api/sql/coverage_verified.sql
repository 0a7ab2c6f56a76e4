-- Cells of the grid, 4 bytes each, of the tiles with ids from {first_id} on, by the month (in UTC)
-- in which a sound copy was last verified, as the first day of it; null: never.
SELECT date_trunc('month', verified AT TIME ZONE 'UTC')::date AS month,
       string_agg(int4send((id - {first_id})::int), '') AS cells
FROM tessera.tile
WHERE id >= {first_id} AND id < {first_id} + 10000000
GROUP BY 1
