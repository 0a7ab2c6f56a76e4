-- Whether there is an item in a collection ($1) of this id ($2).
SELECT EXISTS (SELECT FROM items WHERE collection = $1 AND id = $2)
