-- Operators of CQL2 that pgSTAC has not. Arithmetic, or not such that it nests: pgSTAC's own
-- templates put no brackets around themselves, divide whole numbers to whole numbers, and fail where
-- they divide by zero. The API writes these into the filters it hands on; pgSTAC's upgrades leave
-- them alone. No name may begin like t_ or s_, where pgSTAC's underscore stands for any character.

CREATE FUNCTION tessera.power(base double precision, exponent double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN base = 0 AND exponent < 0 OR base < 0 AND exponent <> trunc(exponent)
                THEN NULL ELSE power(base, exponent) END
$$;
COMMENT ON FUNCTION tessera.power IS 'null where there is no such real number, as 1 / 0 is';

INSERT INTO pgstac.cql2_ops (op, template) VALUES
    ('geotessera_number', '((%s)::float8)'),
    ('geotessera_time', '((%s)::timestamptz)'),
    ('geotessera_add', '(%s + %s)'),
    ('geotessera_subtract', '(%s - %s)'),
    ('geotessera_multiply', '(%s * %s)'),
    ('geotessera_divide', '(%s / nullif(%s, 0))'),
    ('geotessera_divide_whole', '(trunc(%s / nullif(%s, 0)))'),
    ('geotessera_modulo', '(mod((%s)::numeric, nullif((%s)::numeric, 0))::float8)'),
    ('geotessera_power', '(tessera.power(%s, %s))'),
    -- The code on the grid follows from the id, which lies in an index: a tenth of what it takes to
    -- look for it in the item. The API asks for it so, of items that are tiles.
    ('geotessera_grid_code', '(''TESSERA-'' || substr(%s, 6))')
ON CONFLICT (op) DO UPDATE SET template = excluded.template;
