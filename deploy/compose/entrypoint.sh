#!/bin/sh
# Run a program of ours with the password in the file PGPASSWORD_FILE, if that names one.
set -eu
if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
    export PGPASSWORD
fi
exec "$@"
