#!/bin/sh
# Run PgBouncer with the password of the API's role: pool.sh pgbouncer FILE.ini
set -eu
umask 077
printf '"tessera_api" "%s"\n' "$(sed 's/"/""/g' "$PGPASSWORD_FILE")" >"${TMPDIR:-/tmp}/users"
exec "$@"
