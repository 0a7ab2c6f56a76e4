-- Stores that are no longer configured, and that nothing speaks of any more.
DELETE FROM tessera.store s
WHERE preference IS NULL
  AND NOT EXISTS (SELECT FROM tessera.link l WHERE l.store_id = s.store_id)
  AND NOT EXISTS (SELECT FROM tessera.placement p
                  WHERE s.name = ANY (p.stores || coalesce(p.unsound_stores, '{}')))
