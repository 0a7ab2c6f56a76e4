#!/bin/sh
# Follow the primary that PRIMARY names (a conninfo), from a copy that is made if there is none yet:
#   standby.sh postgres -c …
set -eu
umask 077

passwords=${TMPDIR:-/tmp}/replication_password
sed 's/[\\:]/\\&/g; s/^/*:*:*:*:/' "$REPLICATION_PASSWORD_FILE" >"$passwords"
primary="$PRIMARY user=replicator passfile=$passwords"

if [ ! -e "$PGDATA" ]; then
    unfinished="$PGDATA.unfinished"
    rm -rf "$unfinished"
    pg_basebackup --dbname "$primary" --no-password --pgdata "$unfinished" --checkpoint fast
    touch "$unfinished/standby.signal"
    mv "$unfinished" "$PGDATA"
fi

exec "$@" -c "primary_conninfo=$primary"
