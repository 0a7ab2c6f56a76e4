-- Keys, indexes and bounds of a filled table of tiles. The checks of dataset and year let queries
-- that name them skip the other partitions, whose bounds are of ids.
ALTER TABLE {tiles}
    ADD PRIMARY KEY (id),
    ADD CHECK (id >= {first} AND id < {end}),
    ADD CHECK (dataset = {dataset}),
    ADD CHECK (year = {year});
CREATE INDEX ON {tiles} USING gist (geom);
CREATE TRIGGER void_fingerprint
    AFTER INSERT OR DELETE OR TRUNCATE
    OR UPDATE OF lon_i, lat_i, embeddings_size, scales_size, embeddings_mtime, scales_mtime,
                 embeddings_sha256, scales_sha256
    ON {tiles} FOR EACH STATEMENT EXECUTE FUNCTION tessera.void_fingerprint({collection});
ALTER TABLE {replicas}
    ADD PRIMARY KEY (tile_id, store_id),
    ADD CHECK (tile_id >= {first} AND tile_id < {end});
ALTER TABLE {tiles}
    ALTER embeddings_sha256 SET STATISTICS 0,
    ALTER scales_sha256 SET STATISTICS 0;
SET LOCAL default_statistics_target = {target};
ANALYZE {tiles};
RESET default_statistics_target
