-- The vector tile of a collection ($1) at zoom $2, column $3, row $4.
SELECT tessera.vector_tile($1, $2, $3, $4)
