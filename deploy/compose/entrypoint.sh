#!/bin/sh
# Run a program of ours with the secrets in the files that PGPASSWORD_FILE and TESSERA_WEBHOOK_FILE name.
set -eu
if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
    export PGPASSWORD
fi
if [ -n "${TESSERA_WEBHOOK_FILE:-}" ]; then
    TESSERA_WEBHOOK="$(cat "$TESSERA_WEBHOOK_FILE")"
    export TESSERA_WEBHOOK
fi
exec "$@"
