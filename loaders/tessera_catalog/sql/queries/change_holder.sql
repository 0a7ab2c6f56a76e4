-- The registry of {collection} is of another store than was thought. What was presumed of {tiles}
-- moves there; what a link has said of either store stays.
WITH unlinked AS (
    SELECT s.name FROM tessera.store s
    WHERE NOT EXISTS (SELECT FROM tessera.link l
                      WHERE l.collection = {collection} AND l.store_id = s.store_id)
), moved AS (
    SELECT t.id,
           ARRAY(SELECT s.name FROM tessera.store s
                 WHERE (s.name = ANY (t.stores)
                        AND (s.name <> c.holder OR s.name NOT IN (SELECT name FROM unlinked)))
                    OR (s.name = {holder} AND s.name IN (SELECT name FROM unlinked))
                 ORDER BY s.preference) AS stores
    FROM {tiles} t, tessera.collection c
    WHERE c.collection = {collection}
)
UPDATE {tiles} t SET stores = m.stores FROM moved m WHERE m.id = t.id AND m.stores <> t.stores;
UPDATE tessera.collection SET holder = {holder} WHERE collection = {collection};
ALTER TABLE {tiles} ALTER stores SET DEFAULT ARRAY[{holder}]
