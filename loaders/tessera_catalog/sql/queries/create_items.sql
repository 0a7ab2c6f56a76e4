-- An empty table for a collection's items. Like items itself, whose lock we must not hold yet: two
-- who do cannot both go on to swap. The first check says what the partition's bound will say, which
-- spares the attaching a scan; the second is pgSTAC's, by which searches pass over other years; by
-- the third they do so too when it is tessera:year that they name, read as pgSTAC reads it.
CREATE TABLE {table} (LIKE pgstac.queryable_index_template);
ALTER TABLE {table}
    ADD CONSTRAINT of_collection CHECK (collection = {collection}),
    ADD CONSTRAINT {of_time} CHECK (
        (datetime >= {start}) AND (datetime <= {start})
        AND (end_datetime >= {end}) AND (end_datetime <= {end})),
    ADD CONSTRAINT of_year CHECK (
        pgstac.to_int(content -> 'properties' -> 'tessera:year') = {year})
