-- The table of a series' tiles, empty, and the table of their replicas. A tile that no link has
-- spoken of yet is on the store whose registry names it.
CREATE TABLE {tiles} (LIKE tessera.tile INCLUDING DEFAULTS INCLUDING GENERATED);
ALTER TABLE {tiles}
    ALTER dataset SET DEFAULT {dataset},
    ALTER year SET DEFAULT {year},
    ALTER stores SET DEFAULT ARRAY[{holder}];
CREATE TABLE {replicas} (LIKE tessera.replica INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
