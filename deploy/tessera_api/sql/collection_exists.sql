-- Whether there is a collection of this id ($1).
SELECT EXISTS (SELECT FROM collections WHERE id = $1)
