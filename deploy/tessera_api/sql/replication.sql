-- Whether the server is a standby, whether it is receiving the primary's log, and what of it is
-- still to be replayed: in seconds since the last transaction that was (null: there was none yet),
-- and in bytes.
SELECT standby,
       standby AND EXISTS (SELECT FROM pg_stat_wal_receiver) AS receiving,
       CASE WHEN NOT standby OR replayed >= received THEN 0
            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())
       END::float AS lag_seconds,
       CASE WHEN replayed < received THEN received - replayed ELSE 0 END::bigint AS lag_bytes
FROM (SELECT pg_is_in_recovery() AS standby,
             pg_last_wal_receive_lsn() AS received,
             pg_last_wal_replay_lsn() AS replayed) AS log
