-- Where and when there are tiles, to a degree and a year (null: there are none); and how many
-- features each table has, which counting them would take longer to say.
SELECT CASE WHEN e.box IS NOT NULL
            THEN ARRAY[ST_XMin(e.box), ST_YMin(e.box), ST_XMax(e.box), ST_YMax(e.box)] END AS bounds,
       e.first_year, e.last_year, e.coverage,
       (SELECT coalesce(sum(tiles), 0)::bigint FROM tessera.collection) AS tile
FROM (SELECT ST_Extent(geom) AS box, min(year) AS first_year, max(year) AS last_year,
             count(*) AS coverage
      FROM tessera.coverage) AS e
