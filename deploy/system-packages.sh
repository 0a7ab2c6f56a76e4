#!/bin/sh
# Install Debian packages, or say in one line which are missing:  deploy/system-packages.sh NAME...
set -eu

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    as_root="no"
fi
if [ "$as_root" = no ] || ! command -v apt-get >/dev/null; then
    echo "missing on this machine; please install (by their names in Debian): $*" >&2
    exit 2
fi

# Where there is no PostgreSQL yet, its package would make and start a cluster that nobody asked
# for. This keeps it from that for the time of the installation alone.
no_cluster=/etc/postgresql-common/createcluster.d/tessera-stac.conf
if [ ! -e /usr/share/postgresql-common ]; then
    trap '$as_root rm -f "$no_cluster"' EXIT
    $as_root mkdir -p "${no_cluster%/*}"
    echo "create_main_cluster = false" | $as_root tee "$no_cluster" >/dev/null
fi

echo "installing: $*" >&2
{
    $as_root apt-get update -q
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
} </dev/null >&2
