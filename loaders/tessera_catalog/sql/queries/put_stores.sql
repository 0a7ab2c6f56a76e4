-- The configured stores, in order of preference, from a JSON array of {name, title, url}.
WITH wanted AS (
    SELECT s.value ->> 'name' AS name, s.value ->> 'title' AS title, s.value ->> 'url' AS url,
           s.ordinality - 1 AS preference
    FROM jsonb_array_elements(%s) WITH ORDINALITY s
), retired AS (
    UPDATE tessera.store SET preference = NULL
    WHERE preference IS NOT NULL AND name NOT IN (SELECT name FROM wanted)
)
INSERT INTO tessera.store AS kept (name, title, url, preference)
SELECT name, title, url, preference FROM wanted
ON CONFLICT (name) DO UPDATE
SET title = excluded.title, url = excluded.url, preference = excluded.preference
WHERE (kept.title, kept.url, kept.preference)
    IS DISTINCT FROM (excluded.title, excluded.url, excluded.preference)
