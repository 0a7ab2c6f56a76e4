-- Arithmetic of CQL2 that pgSTAC has not, or not such that it nests: its own templates put no
-- brackets around themselves, divide whole numbers to whole numbers, and fail where they divide
-- by zero. The API writes these into the filters it hands on; pgSTAC's upgrades leave them alone.
INSERT INTO pgstac.cql2_ops (op, template) VALUES
    ('tessera_number', '((%s)::float8)'),
    ('tessera_add', '(%s + %s)'),
    ('tessera_subtract', '(%s - %s)'),
    ('tessera_multiply', '(%s * %s)'),
    ('tessera_divide', '(%s / nullif(%s, 0))'),
    ('tessera_divide_whole', '(trunc(%s / nullif(%s, 0)))'),
    ('tessera_modulo', '(mod((%s)::numeric, nullif((%s)::numeric, 0))::float8)'),
    ('tessera_power', '(power(%s, %s))')
ON CONFLICT (op) DO UPDATE SET template = excluded.template;
