-- The configured stores, in order of preference, from a JSON array of {name, title, url}. Those that
-- are there are not inserted again, for an insert that meets a conflict uses up a number.
WITH wanted AS (
    SELECT s.value ->> 'name' AS name, s.value ->> 'title' AS title, s.value ->> 'url' AS url,
           s.ordinality - 1 AS preference
    FROM jsonb_array_elements(%s) WITH ORDINALITY s
), retired AS (
    UPDATE tessera.store SET preference = NULL
    WHERE preference IS NOT NULL AND name NOT IN (SELECT name FROM wanted)
), kept AS (
    UPDATE tessera.store s
    SET title = w.title, url = w.url, preference = w.preference
    FROM wanted w
    WHERE w.name = s.name
      AND (s.title, s.url, s.preference) IS DISTINCT FROM (w.title, w.url, w.preference)
)
INSERT INTO tessera.store (name, title, url, preference)
SELECT name, title, url, preference FROM wanted
WHERE name NOT IN (SELECT name FROM tessera.store)
ORDER BY preference
