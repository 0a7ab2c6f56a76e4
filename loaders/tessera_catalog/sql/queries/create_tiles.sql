-- The table of a series' tiles, empty, and the table of their replicas. A tile that no link has
-- spoken of yet is on the store whose registry names it. Nearly every tile is written once more by
-- the first link: pages keep room for that, so that no index has to follow (it then is a heap-only
-- update); without it the old rows would leave as much room unused.
CREATE TABLE {tiles} (LIKE tessera.tile INCLUDING DEFAULTS INCLUDING GENERATED)
    WITH (fillfactor = 45);
ALTER TABLE {tiles}
    ALTER dataset SET DEFAULT {dataset},
    ALTER year SET DEFAULT {year},
    ALTER stores SET DEFAULT ARRAY[{holder}];
CREATE TABLE {replicas} (LIKE tessera.replica INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
