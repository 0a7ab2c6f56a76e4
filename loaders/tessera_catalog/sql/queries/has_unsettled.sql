-- Whether a load changed tiles of the series with this first id after it was linked.
SELECT EXISTS (SELECT FROM tessera.unsettled WHERE tile_id >= %s AND tile_id < %s + 10000000)
