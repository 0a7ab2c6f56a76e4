-- Make a series' tables partitions; their checks say what the bounds say, which spares a scan.
ALTER TABLE tessera.tile ATTACH PARTITION {tiles} FOR VALUES FROM ({first}) TO ({end});
ALTER TABLE tessera.replica ATTACH PARTITION {replicas} FOR VALUES FROM ({first}) TO ({end})
