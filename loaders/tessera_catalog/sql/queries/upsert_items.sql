-- Rows of {items} into {partition}; an item that would not change is left untouched.
INSERT INTO {partition} AS kept
{items}
ON CONFLICT (id) DO UPDATE
SET geometry = excluded.geometry,
    datetime = excluded.datetime,
    end_datetime = excluded.end_datetime,
    content = excluded.content
WHERE kept.content <> excluded.content
