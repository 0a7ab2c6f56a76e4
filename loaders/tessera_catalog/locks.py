"""One writer at a time per manifest, also on a data directory that several machines share.

POSIX record locks (`fcntl.lockf`) are the ones NFS, CephFS and Lustre carry to other machines; the
kernel drops them when their process dies, so no lock outlives a crash. Mounts that grant them to
this machine alone are refused, because two maintainers would both believe they hold the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tessera_catalog.errors import InputError, Refused

PATIENCE = 30.0
"""Seconds to wait for another process before giving up."""

_LOCAL_OPTIONS = {"nolock", "nobrl", "local_lock=all", "local_lock=posix", "localflock"}
"""Mount options by which a network file system keeps locks on this machine."""

_LOCAL_TYPES = (
    *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.goofys", "fuse.mount-s3", "fuse.gcsfuse"),
    *("fuse.blobfuse", "fuse.blobfuse2", "fuse.curlftpfs", "fuse.davfs", "davfs"),
)
"""File systems over a network that know no locks of other machines."""

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")

# Record locks belong to the process: threads of ours have to keep apart by themselves.
_held: set[str] = set()
_guard = threading.Lock()


@contextmanager
def lock(data_dir: Path, store: str, wait: float = PATIENCE) -> Iterator[None]:
    """Hold the right to change a store's manifest; Refused when another keeps it too long."""
    busy = f"{data_dir}/{store}.parquet is being changed"
    with hold(data_dir / f".{store}.lock", busy, wait):
        yield


@contextmanager
def hold(path: Path, busy: str, wait: float = 0.0, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock file, with `shared` among those who share it too.

    Refused, saying `busy` and who holds it, when it cannot be had within `wait` seconds.
    """
    until = time.monotonic() + wait
    key = os.path.realpath(path)
    while not _enter(key):
        _pause(until, busy, "another thread of this process")
    try:
        # One thread at a time opens it: closing drops every lock of this process on the file.
        descriptor = _open(path)
        try:
            while not _take(descriptor, path, shared):
                _pause(until, busy, _holder(path))
            # Who holds it is a help to others only: on a full disk nobody can be told.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{socket.gethostname()} process {os.getpid()}".encode(), 0)
            yield
        finally:
            os.close(descriptor)
    finally:
        with _guard:
            _held.discard(key)


def _enter(key: str) -> bool:
    with _guard:
        if key in _held:
            return False
        _held.add(key)
        return True


def _pause(until: float, busy: str, holder: str) -> None:
    if time.monotonic() >= until:
        raise Refused(f"{busy} by {holder}: try again when it has finished")
    time.sleep(0.1)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    reason = _not_shared(path)
    if reason:
        os.close(descriptor)
        raise Refused(
            f"{path.parent}: {reason}, so another machine could change it at the same time: "
            "use a data directory whose locks are shared, or a local one"
        )
    return descriptor


def _take(descriptor: int, path: Path, shared: bool) -> bool:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise Refused(
            f"{path.parent}: this file system cannot lock files ({error.strerror}): "
            "use a data directory on another one"
        ) from error
    return True


def _holder(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip() or "another process"
    except OSError:
        return "another process"


def _not_shared(path: Path) -> str | None:
    """Why locks on this path would not be seen by other machines; None when they would."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return None
    kind, options = mount_of(mounts, os.path.realpath(path))
    local = _LOCAL_OPTIONS & set(options.split(","))
    if local:
        return f"its {kind} mount keeps locks to this machine ({', '.join(sorted(local))})"
    if kind in _LOCAL_TYPES:
        return f"{kind} keeps locks to this machine"
    return None


def mount_of(mountinfo: bytes, path: str) -> tuple[str, str]:
    """File system type and all options of the mount a path lies on, by the content of `mountinfo`.

    File names in it are bytes; spaces and a few more stand there as octal numbers.
    """
    best, kind, options = -1, b"", b""
    place = os.fsencode(path)
    for line in mountinfo.split(b"\n"):
        left, _, right = line.partition(b" - ")
        fields, more = left.split(b" "), right.split(b" ")
        if len(fields) < 6 or len(more) < 2:
            continue
        point = _OCTAL.sub(lambda escaped: bytes([int(escaped[1], 8)]), fields[4]).rstrip(b"/")
        if (place == point or place.startswith(point + b"/")) and len(point) >= best:
            best, kind = len(point), more[0]
            options = b",".join([fields[5], more[2] if len(more) > 2 else b""])
    return os.fsdecode(kind), os.fsdecode(options)
