-- Configured stores, the most preferred first.
SELECT name, title, url FROM tessera.store WHERE preference IS NOT NULL ORDER BY preference
