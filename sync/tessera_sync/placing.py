"""Files put in their places: whole, durable and checked, or not there at all."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import obstore

from tessera_sync.attempts import Policy, asked, tried
from tessera_sync.layout import Tile
from tessera_sync.pool import in_thread
from tessera_sync.reading import Digest, Reading, Source
from tessera_sync.storage import Storage

PART = 8 * 2**20
"""Bytes of one part of an upload; smaller files are sent in one request."""


async def into_objects(
    lacking: dict[str, Source], target: Storage, tile: Tile, policy: Policy
) -> dict[str, Digest]:
    """Put files into an object store, in their order; each is replaced whole."""
    return {
        name: await _upload(origin, target, f"{tile.path}/{name}", policy)
        for name, origin in lacking.items()
    }


async def into_folder(
    lacking: dict[str, Source], target: Storage, tile: Tile, policy: Policy
) -> dict[str, Digest]:
    """Lay all files beside their places first, then rename them, so a tile is never half new."""
    assert target.folder is not None  # noqa: S101 - the caller chose by it
    directory = target.folder / tile.path
    what = f"writing {target.name}:{tile.path}"
    staged: list[tuple[Path, Path]] = []
    digests: dict[str, Digest] = {}
    try:
        await asked(what, policy, lambda: in_thread(_prepare, directory, list(lacking)))
        for name, origin in lacking.items():
            temporary, digests[name] = await _download(origin, directory, name, policy)
            staged.append((temporary, directory / name))
        await asked(what, policy, lambda: in_thread(_commit, directory, staged))
    except BaseException:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            directory.rmdir()  # only when nothing is in it
        raise
    return digests


def _prepare(directory: Path, names: list[str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        for leftover in _leftovers(directory, name):
            leftover.unlink(missing_ok=True)


def _commit(directory: Path, staged: list[tuple[Path, Path]]) -> None:
    for temporary, final in staged:
        temporary.replace(final)
    # The names of the files, and of a directory made for them, are part of what must last.
    for folder in (directory, directory.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def _upload(source: Source, target: Storage, path: str, policy: Policy) -> Digest:
    """Copy into an object store: the object is replaced when the last byte has been checked."""

    async def once(alive: Callable[[], None]) -> Digest:
        reading = Reading(source, policy)
        size = await reading.open()
        chunks = reading.chunks(alive)
        if size <= PART:
            content = b"".join([chunk async for chunk in chunks])
            await obstore.put_async(target.objects, path, content, use_multipart=False)
        else:
            await obstore.put_async(
                target.objects, path, chunks, chunk_size=PART, max_concurrency=2
            )
        return reading.digest

    return await tried(f"copying {source} to {target.name}", policy, once)


async def _download(source: Source, folder: Path, name: str, policy: Policy) -> tuple[Path, Digest]:
    """Copy into a folder under a temporary name, made durable; the caller renames it to `name`."""

    async def once(alive: Callable[[], None]) -> tuple[Path, Digest]:
        reading = Reading(source, policy)
        await reading.open()
        # Unique: a worker thought dead may still be writing one of the same tile.
        temporary = folder / f".{name}.{secrets.token_hex(6)}.part"
        try:
            with temporary.open("xb", buffering=0) as file:
                async for chunk in reading.chunks(alive):
                    await in_thread(_write_all, file.fileno(), chunk)
                await in_thread(os.fsync, file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary, reading.digest

    return await tried(f"copying {source}", policy, once)


def _leftovers(folder: Path, name: str) -> list[Path]:
    """Temporary files of a copy of `name` that was killed."""
    return sorted(folder.glob(f".{glob.escape(name)}.*.part"))


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
