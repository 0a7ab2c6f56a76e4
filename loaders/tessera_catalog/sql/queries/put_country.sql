INSERT INTO tessera.country (name, geom)
VALUES (%s, public.ST_Multi(public.ST_CollectionExtract(
    public.ST_GeomFromWKB(%s, 4326), 3)))
