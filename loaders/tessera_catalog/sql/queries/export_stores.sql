-- Stores that may hold a further copy of a tile, beside the one that is preferred.
SELECT coalesce(array_agg(name ORDER BY preference), '{}') FROM tessera.store
WHERE preference > (SELECT min(preference) FROM tessera.store)
