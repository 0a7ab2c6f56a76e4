"""PostgreSQL settings: bulk loading first, small machines in mind."""

from __future__ import annotations

import os

from tessera_catalog.memory import available

_MB = 2**20


def demo_settings() -> dict[str, str]:
    """Settings of the cluster that keeps data: safe in a crash, nothing to replicate to."""
    return {**_ALONE, **_lasting(available() // _MB, os.cpu_count() or 1)}


def server_settings(memory: int, cpus: int) -> dict[str, str]:
    """Settings of a server with so many MB and processors, which standbys may follow, or of one."""
    return {
        **_lasting(memory, cpus),
        "listen_addresses": "*",
        "wal_level": "replica",
        "max_wal_senders": "10",
        # For a standby that was away; a slot would keep more, and could fill the disk.
        "wal_keep_size": "4GB",
        # docs/operations/replicas.md says why.
        "hot_standby_feedback": "on",
        "max_standby_streaming_delay": "5s",
    }


def throwaway_settings() -> dict[str, str]:
    """Settings of a cluster for tests and measurements of ours: nothing outlives its process."""
    return {
        **_ALONE,
        **_common(os.cpu_count() or 1),
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "autovacuum_naptime": "10min",
    }


_ALONE = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # No WAL for rows of tables made in the same transaction.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Nobody follows this server, and nobody connects from elsewhere."""


def _lasting(memory: int, cpus: int) -> dict[str, str]:
    return {
        **_common(cpus),
        "shared_buffers": f"{min(memory // 8, 2048)}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "maintenance_work_mem": f"{min(memory // 8, 512)}MB",
        "max_wal_size": "4GB",
        "min_wal_size": "512MB",
    }


def _common(cpus: int) -> dict[str, str]:
    return {
        "max_connections": "100",
        # lz4 doubles the speed of writing items; checkpoints by volume, not by the clock.
        "default_toast_compression": "lz4",
        "wal_compression": "lz4",
        "checkpoint_timeout": "30min",
        "work_mem": "32MB",
        "max_parallel_maintenance_workers": str(min(cpus, 4)),
        # Planning compiled code costs more than the short searches it would speed up.
        "jit": "off",
        "random_page_cost": "1.1",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
    }
