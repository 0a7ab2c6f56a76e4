-- The properties searches may use: what clients show of each, and how pgSTAC reads and indexes it.
-- Numbers are all read as floats: pgSTAC would otherwise cut the fractions off what they are
-- compared with (year < 2020.5).
SET search_path = pgstac, public;
DELETE FROM queryables;
INSERT INTO queryables (name, definition, property_path, property_wrapper, property_index_type)
SELECT name, definition::jsonb, path, wrapper, index
FROM (VALUES
    ('id', '{"title": "Id", "type": "string",
        "description": "Of the tile and year, as 2024_grid_0.85_49.95"}', NULL::text[], NULL, NULL),
    ('collection', '{"title": "Collection", "type": "string"}', NULL, NULL, NULL),
    ('geometry', '{"$ref": "https://geojson.org/schema/Polygon.json", "title": "Footprint"}', NULL, NULL, NULL),
    ('datetime', '{"title": "Start of the year", "type": "string", "format": "date-time"}', NULL, NULL, NULL),
    ('start_datetime', '{"title": "Start of the year", "type": "string", "format": "date-time"}', NULL, NULL, NULL),
    ('end_datetime', '{"title": "End of the year", "type": "string", "format": "date-time"}', NULL, NULL, NULL),
    ('created', '{"title": "First file written", "type": "string", "format": "date-time"}', NULL, 'to_tstz', NULL),
    ('updated', '{"title": "Last file written", "type": "string", "format": "date-time"}', NULL, 'to_tstz', NULL),
    ('title', '{"title": "Title", "type": "string"}', NULL, NULL, NULL),
    ('gsd', '{"title": "Ground sample distance", "type": "number", "description": "metres"}', NULL, 'to_float', NULL),
    ('grid:code', '{"title": "Grid code", "type": "string"}', NULL, NULL, 'BTREE'),
    ('tessera:year', '{"title": "Year", "type": "integer", "minimum": 2000, "maximum": 2050}', NULL, 'to_float', NULL),
    ('tessera:lon', '{"title": "Longitude of the centre", "type": "number", "minimum": -180, "maximum": 180}', NULL, 'to_float', 'BTREE'),
    ('tessera:lat', '{"title": "Latitude of the centre", "type": "number", "minimum": -90, "maximum": 90}', NULL, 'to_float', 'BTREE'),
    ('tessera:dataset', '{"title": "Dataset", "type": "string", "enum": ["v1"]}', NULL, NULL, NULL),
    ('tessera:stores', '{"title": "Stores with a copy", "type": "array",
        "items": {"type": "string", "enum": ["okavango", "s3", "scaleway"]}}', NULL, NULL, 'GIN'),
    ('tessera:missing_stores', '{"title": "Stores without a copy", "type": "array",
        "items": {"type": "string", "enum": ["okavango", "s3", "scaleway"]}}', NULL, NULL, 'GIN'),
    ('tessera:store_count', '{"title": "Number of copies", "type": "integer", "minimum": 0, "maximum": 3}', NULL, 'to_float', 'BTREE'),
    ('tessera:in_okavango', '{"title": "In Okavango (Cambridge)", "type": "boolean"}', NULL, NULL, NULL),
    ('tessera:in_s3', '{"title": "In Amazon S3 (Oregon)", "type": "boolean"}', NULL, NULL, NULL),
    ('tessera:in_scaleway', '{"title": "In Scaleway (Paris)", "type": "boolean"}', NULL, NULL, NULL),
    ('tessera:verified', '{"title": "Last verified", "type": "string", "format": "date-time"}', NULL, 'to_tstz', 'BTREE'),
    ('tessera:embeddings_size', '{"title": "Size of the embeddings", "type": "integer", "description": "bytes"}',
        '{assets,embeddings,file:size}', 'to_float', 'BTREE'),
    ('tessera:scales_size', '{"title": "Size of the scales", "type": "integer", "description": "bytes"}',
        '{assets,embeddings_scales,file:size}', 'to_float', NULL)
) AS wanted (name, definition, path, wrapper, index);
