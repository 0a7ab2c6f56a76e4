"""Files that are there whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera_catalog.errors import Failed, InputError

_WRONG_PLACE = (FileNotFoundError, PermissionError, NotADirectoryError)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; at the end it is made durable and takes its place.

    On any exception the temporary file is removed and `path` is as before. What the operating
    system refuses becomes a Failed (no space) or an InputError (no such directory, no permission).
    """
    if path.is_dir():
        raise InputError(f"{path}: cannot be written: Is a directory")
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        _sync(temporary, os.O_RDWR)
        temporary.replace(path)
        _sync(path.parent, os.O_RDONLY)
    except OSError as error:
        kind = InputError if isinstance(error, _WRONG_PLACE) else Failed
        # Arrow's own errors tell a number and much more text.
        why = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise kind(f"{path}: cannot be written: {why}") from error
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(path: Path) -> list[Path]:
    """Temporary files of writers of `path` that were killed; the caller holds its lock."""
    return sorted(path.parent.glob(f".{path.name}.*-*.tmp"))


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
