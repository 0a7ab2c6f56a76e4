-- How many tiles have their copies where.
SELECT collection, stores, coalesce(unsound_stores, '{}') AS unsound_stores, tiles, bytes, unsized
FROM tessera.placement
