-- Where runs of {run} of the {tiles} that lie in {area} begin: the first id of each.
SELECT id
FROM (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS number
    FROM {tiles} WHERE tessera.in_box(lon_i, lat_i, {area})
) AS numbered
WHERE number % {run} = 0
ORDER BY id
