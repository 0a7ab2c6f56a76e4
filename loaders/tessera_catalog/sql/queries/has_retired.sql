-- Whether tiles of a collection name stores that are no longer configured, or a link of one is kept.
SELECT EXISTS (
    SELECT FROM tessera.placement p JOIN tessera.store s
        ON s.name = ANY (p.stores || coalesce(p.unsound_stores, '{}'))
    WHERE p.collection = %(collection)s AND s.preference IS NULL
) OR EXISTS (
    SELECT FROM tessera.link l JOIN tessera.store s USING (store_id)
    WHERE l.collection = %(collection)s AND s.preference IS NULL
)
