-- Of this store everything will be said, so a replica not spoken of is gone.
INSERT INTO pg_temp.told_whole VALUES (%s)
