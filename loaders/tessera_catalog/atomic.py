"""Files that are there whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tessera_catalog.errors import Failed, InputError, TesseraError

_WRONG_PLACE = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EACCES, errno.EPERM, errno.EROFS),
}
"""What the operating system says of a path where nothing can be written, whenever it is tried."""


def make_folder(path: Path) -> None:
    """Make a folder where there is none; InputError or Failed when that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _kind(error)(f"{path}: cannot be made: {error.strerror}") from error


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen there; `Path.is_dir` raises where it may not look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_special(path: Path) -> bool:
    """Whether there is something other than a file."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty temporary file beside `path`; made durable, it takes its place at the end.

    On any exception it is removed and `path` is as before. Those of writers of `path` that were
    killed are removed as well. What the operating system refuses becomes a Failed (no space) or an
    InputError (no such directory, no permission, too long a name). A device or a pipe is given as
    it is: nothing takes its place.
    """
    if is_folder(path):
        raise InputError(f"{path}: cannot be written: Is a directory")
    if _is_special(path):
        yield path
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        _remove_orphans(path)
        with _marked(temporary):
            yield temporary
            _sync(temporary, os.O_RDWR)
            temporary.replace(path)
            _sync(path.parent, os.O_RDONLY)
    except OSError as error:
        # Arrow's own errors tell a number and much more text.
        why = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise _kind(error)(f"{path}: cannot be written: {why}") from error
    finally:
        # Where nothing can be made nothing can be removed either.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _kind(error: OSError) -> type[TesseraError]:
    return InputError if error.errno in _WRONG_PLACE else Failed


@contextmanager
def _marked(temporary: Path) -> Iterator[None]:
    """Make a file that a living process writes; the mark goes with the process."""
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        # Without locks there are orphans that stay.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_orphans(path: Path) -> None:
    """Remove temporary files of writers of `path` that were killed, as far as it is allowed."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*-*.tmp"):
        with suppress(OSError):
            descriptor = os.open(temporary, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temporary.unlink()
            finally:
                os.close(descriptor)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
