-- Pieces of 128 corners at most: to look into one takes no longer than to find it.
INSERT INTO tessera.country_part (country_id, geom)
SELECT c.id, part.geom
FROM tessera.country c
CROSS JOIN LATERAL public.ST_Dump(public.ST_Subdivide(c.geom, 128)) AS part;
ANALYZE tessera.country;
ANALYZE tessera.country_part
