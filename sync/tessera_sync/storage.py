"""A store of the configuration, opened: a file tree, an S3 bucket or an https address."""

from __future__ import annotations

import asyncio
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError
from obstore.store import HTTPStore, LocalStore

from tessera_catalog.atomic import is_folder
from tessera_catalog.columns import OUR_TIMES
from tessera_catalog.errors import InputError, Refused
from tessera_catalog.stores import Store
from tessera_sync.s3 import open_bucket
from tessera_sync.version import version

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

REQUEST_TIMEOUT = timedelta(seconds=60)
"""How long one request may take, its body included, unless the caller says otherwise."""

UPLOAD_TIMEOUT = timedelta(hours=24)
"""Of one request of a copy: a stalled one is noticed by its bytes, a slow one may take its time."""

SPARE = 64 * 2**20
"""Bytes of a file system that stay free."""

RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=10),
        "base": 2,
    },
}
"""Retries of a single request that met a 5xx answer or a broken connection."""

STORAGE_ERRORS = (BaseError, OSError, TimeoutError)
"""What a store's client raises when the store, the network or a file fails."""


_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class FileState:
    """A file as its store describes it without reading it."""

    size: int
    mtime: datetime | None
    """In UTC and whole microseconds, as manifests store it; None when it is not in OUR_TIMES."""


@dataclass(frozen=True)
class Storage:
    """An opened store; paths are relative to its root."""

    store: Store
    objects: ObjectStore
    folder: Path | None
    """The root of a file tree; None for a store reached over the network."""

    @property
    def name(self) -> str:
        """The store's name in the configuration."""
        return self.store.name

    @property
    def listable(self) -> bool:
        """Whether the store can say what it holds; an https address cannot."""
        return not isinstance(self.objects, HTTPStore)

    @property
    def writable(self) -> bool:
        """Whether files can be put there at all; https addresses are for reading."""
        return self.listable

    async def files(self, directory: str, names: tuple[str, ...]) -> dict[str, FileState]:
        """State of those of the named files that the directory has.

        One listing where the store can list, else a HEAD for each name. Raises STORAGE_ERRORS.
        """
        if self.folder is not None:
            return await asyncio.to_thread(_local_files, self.folder / directory, names)
        if self.listable:
            found = await obstore.list_with_delimiter_async(self.objects, directory)
            states = {meta["path"].rpartition("/")[2]: _state(meta) for meta in found["objects"]}
            return {name: states[name] for name in names if name in states}
        heads = await asyncio.gather(*(self.head(f"{directory}/{name}") for name in names))
        return {name: head for name, head in zip(names, heads, strict=True) if head is not None}

    async def head(self, path: str) -> FileState | None:
        """State of one file, None when there is none. Raises STORAGE_ERRORS."""
        try:
            return _state(await obstore.head_async(self.objects, path))
        except FileNotFoundError:
            return None

    def free_bytes(self) -> int | None:
        """Space left for this user; None where the store does not say."""
        return None if self.folder is None else shutil.disk_usage(self.folder).free

    def check_writable(self) -> None:
        """Refuse a store into which this user may not write; nothing stays behind."""
        place = f"store '{self.name}' ({self.store.root})"
        if not self.writable:
            raise Refused(f"{place} can only be read: copy to a file or s3 root instead")
        try:
            _probe(self.objects, self.folder)
        except PermissionDeniedError as error:
            raise Refused(f"{place}: these credentials may not write: {reason(error)}") from error
        except STORAGE_ERRORS as error:
            raise Refused(f"{place} cannot be written to: {reason(error)}") from error


def open_storage(store: Store, *, request_timeout: timedelta = REQUEST_TIMEOUT) -> Storage:
    """Open a store at its root; InputError when it has none, or nothing can be read there."""
    root = store.need_root()
    parts = urlsplit(root)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        if not is_folder(folder):
            # Never made here: a missing root is more often a disk that is not mounted.
            raise InputError(f"store '{store.name}': {folder} is no directory; mount or create it")
        return Storage(store, LocalStore(folder), folder)
    options = partial(_client_options, timeout=request_timeout)
    if parts.scheme == "s3":
        return Storage(store, open_bucket(store, parts.netloc, parts.path, options, RETRIES), None)
    http = HTTPStore.from_url(root, client_options=options(root), retry_config=RETRIES)
    return Storage(store, http, None)


def check_room(target: Storage, coming: int) -> None:
    """Refuse to begin when the target cannot be written to or cannot hold the bytes to come."""
    target.check_writable()
    free = target.free_bytes()
    if free is not None and free < coming + SPARE:
        raise Refused(
            f"store '{target.name}' has {free / 1e9:,.1f} GB free, the plan needs "
            f"{(coming + SPARE) / 1e9:,.1f} GB: make room, or plan less with --limit"
        )


def reason(error: BaseException) -> str:
    """One line of a storage client's message, without its debug output and mark-up."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    text = re.sub(r"<[^>]*>", " ", str(error).split("\n\nDebug source")[0])
    return " ".join(text.split())[:300] or type(error).__name__


def _probe(objects: ObjectStore, folder: Path | None) -> None:
    """Raise unless something can be written; nothing stays behind."""
    name = f".tessera-sync-{uuid.uuid4().hex}"
    if folder is not None:
        (folder / name).touch(exist_ok=False)
        (folder / name).unlink()
        return
    try:
        # No object has this ETag: who may write is told that the condition does not hold, and
        # nothing is written, not even a version. Servers that know no conditions get an object.
        obstore.put(objects, name, b"", mode={"e_tag": '"none"'})
    except PreconditionError:
        return
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise
        return
    except PermissionDeniedError:
        raise
    except BaseError:
        obstore.put(objects, name, b"")
    obstore.delete(objects, name)


def _client_options(address: str, timeout: timedelta) -> ClientConfig:
    return {
        "allow_http": address.startswith("http://"),
        "connect_timeout": timedelta(seconds=10),
        "timeout": timeout,
        "user_agent": f"tessera-sync/{version()}",
    }


def _state(meta: Any) -> FileState:
    return FileState(meta["size"], _time((meta["last_modified"] - _EPOCH) // _MICROSECOND))


def _local_files(directory: Path, names: tuple[str, ...]) -> dict[str, FileState]:
    states = {}
    for name in names:
        try:
            stat = (directory / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        states[name] = FileState(stat.st_size, _time(stat.st_mtime_ns // 1000))
    return states


def _time(micros: int) -> datetime | None:
    # A float would round.
    return _EPOCH + micros * _MICROSECOND if micros in OUR_TIMES else None
