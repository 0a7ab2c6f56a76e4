-- Pieces of 128 corners at most: to look into one takes no longer than to find it.
INSERT INTO tessera.country_part (country_id, geom)
SELECT id, (public.ST_Dump(piece)).geom
FROM (SELECT id, public.ST_Subdivide(geom, 128) AS piece FROM tessera.country) AS divided;
ANALYZE tessera.country;
ANALYZE tessera.country_part
