-- What the items of a collection ($1) that are tagged with a base item ($2) have in common.
SELECT collection_base_item($1, $2)
