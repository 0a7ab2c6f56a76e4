-- A tile's code on the grid has the name that its files have, as catalogues before this one had it:
-- TESSERA-grid_0.85_49.95. Items that say otherwise are made anew by the next load.
DO $$
BEGIN
    EXECUTE replace(pg_get_functiondef('tessera.item_template'::regproc),
                    '''TESSERA-{{name}}''', '''TESSERA-grid_{{name}}''');
END;
$$;

-- It follows from the id, which lies in an index: a tenth of what it takes to look for it in the
-- item. The API asks for it so, of items that are tiles.
INSERT INTO pgstac.cql2_ops (op, template) VALUES
    ('geotessera_grid_code', '(''TESSERA-'' || substr(%s, 6))')
ON CONFLICT (op) DO UPDATE SET template = excluded.template;
