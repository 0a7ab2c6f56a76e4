-- Tiles of the series with this first id that a load changed after it was linked.
SELECT tile_id FROM tessera.unsettled WHERE tile_id >= %s AND tile_id < %s + 10000000
