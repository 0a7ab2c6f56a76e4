"""How much memory there is, and how much of it a tool may take."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

_LEAST = 2 * 2**30
"""Bytes that any tool may have, however small the machine."""


def available() -> int:
    """Bytes that this process may count on: the machine's, or its container's limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return machine


def bound(most: int | None = None) -> None:
    """Let this process have so many bytes of memory, three quarters of what there is by default.

    A file that would need more, because it is damaged or made to, then meets a MemoryError in the
    one program that reads it, instead of the machine running out of memory.
    """
    wanted = most or max(_LEAST, available() * 3 // 4)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [wanted, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
