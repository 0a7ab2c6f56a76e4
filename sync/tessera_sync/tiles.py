"""One tile from store to store: it counts when all its files are there and have been checked."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import obstore

from tessera_sync.attempts import CopyError, Policy, asked
from tessera_sync.layout import CHECKSUMS, Tile, parse_checksums
from tessera_sync.placing import into_folder, into_objects
from tessera_sync.pool import in_thread
from tessera_sync.reading import Digest, Source, read_digest, read_small
from tessera_sync.storage import FileState, Storage

CHECKSUMS_LIMIT = 64 * 1024
"""Bytes; a SHA256 file of a tile has about 200."""


@dataclass(frozen=True)
class Known:
    """What a plan or manifest knows of a file; None is unknown."""

    size: int | None = None
    sha256: bytes | None = None


@dataclass(frozen=True)
class Bring:
    """A tile to bring to the target; `replace` allows other files in its place to give way."""

    tile: Tile
    replace: bool = False
    embeddings: Known = Known()
    scales: Known = Known()

    @property
    def bytes(self) -> int:
        """Known bytes of its two files."""
        return (self.embeddings.size or 0) + (self.scales.size or 0)


@dataclass(frozen=True)
class Placed:
    """A file as it is in the target now, its bytes compared with the source's."""

    size: int
    sha256: bytes
    mtime: datetime | None


@dataclass(frozen=True)
class Whole:
    """A tile that is whole and verified in the target."""

    tile: Tile
    embeddings: Placed
    scales: Placed


def file_names(tile: Tile) -> tuple[str, str, str]:
    """Names of a tile's files in the order they are put in place: what completes it comes last."""
    return tile.scales, tile.embeddings, CHECKSUMS


async def look_at(
    storage: Storage, tile: Tile, policy: Policy, names: tuple[str, ...] = ()
) -> dict[str, FileState]:
    """State of those of a tile's files that are there; `names` are the ones to ask for, if not all.

    CopyError when the store cannot say.
    """
    what = f"looking at {storage.name}:{tile.path}"
    return await asked(what, policy, lambda: storage.files(tile.path, names or file_names(tile)))


async def read_checksums(storage: Storage, tile: Tile, policy: Policy) -> dict[str, bytes]:
    """SHA-256 by file name, as the SHA256 file beside the tile has them."""
    return parse_checksums(await _checksums_file(storage, tile, policy))


async def copy_tile(source: Storage, target: Storage, bring: Bring, policy: Policy) -> Whole:
    """Bring one tile over; files that are in place and the same are not copied again.

    CopyError in every other case than success, and then files already in place are as before.
    """
    tile = bring.tile
    offered = await _offered(source, bring, policy)
    there = await look_at(target, tile, policy)
    same: dict[str, Digest] = {}
    for name, (origin, size) in offered.items():
        if name not in there:
            continue
        digest = await _same(origin, size, target, tile, there[name], policy)
        if digest is not None:
            same[name] = digest
        elif not bring.replace:
            raise CopyError(
                f"{target.name}:{tile.path}/{name} is in place but not the file of "
                f"{source.name}: 'tessera-sync scan {target.name}' and plan again"
            )
    lacking = {name: origin for name, (origin, _) in offered.items() if name not in same}
    put = into_folder if target.folder is not None else into_objects
    digests = same | await put(lacking, target, tile, policy)
    if bring.replace and CHECKSUMS in there and CHECKSUMS not in offered:
        await _drop_old_checksums(target, tile, digests, policy)
    return await _confirmed(target, tile, digests, policy)


async def delete_tile(target: Storage, tile: Tile, policy: Policy) -> None:
    """Remove a tile's files; what else may lie in its directory stays."""
    what = f"deleting {target.name}:{tile.path}"
    there = await look_at(target, tile, policy)
    # The embeddings last: a tile without them may still be planned and copied again.
    names = [name for name in (CHECKSUMS, tile.scales, tile.embeddings) if name in there]
    if target.folder is not None:
        directory = target.folder / tile.path
        await asked(what, policy, lambda: in_thread(_unlink, directory, names))
    elif names:
        paths = [f"{tile.path}/{name}" for name in names]
        await asked(what, policy, lambda: obstore.delete_async(target.objects, paths))


async def _offered(source: Storage, bring: Bring, policy: Policy) -> dict[str, tuple[Source, int]]:
    """The source's files of the tile with their sizes, held against all that is known of them."""
    tile = bring.tile
    have = await look_at(source, tile, policy)
    sums: dict[str, bytes] = {}
    known = {tile.scales: bring.scales, tile.embeddings: bring.embeddings}
    if CHECKSUMS in have:
        content = await _checksums_file(source, tile, policy)
        sums = parse_checksums(content)
        known[CHECKSUMS] = Known(len(content), hashlib.sha256(content).digest())
    offered = {}
    for name, want in known.items():
        place = f"{source.name}:{tile.path}/{name}"
        if name not in have:
            raise CopyError(f"{place} is gone: scan {source.name} and plan again")
        size = have[name].size
        if want.size is not None and want.size != size:
            raise CopyError(f"{place} has {size} bytes, planned were {want.size}: scan it again")
        if size == 0:
            raise CopyError(f"{place} has no bytes")
        listed = sums.get(name)
        if listed is not None and want.sha256 is not None and listed != want.sha256:
            raise CopyError(
                f"{place} is doubtful: the file {CHECKSUMS} beside it says {listed.hex()}, "
                f"the manifest {want.sha256.hex()}"
            )
        offered[name] = Source(source, f"{tile.path}/{name}", want.sha256 or listed), size
    return offered


async def _same(
    origin: Source, size: int, target: Storage, tile: Tile, state: FileState, policy: Policy
) -> Digest | None:
    """Digest of the target's file when it has the very bytes of the source's, else None."""
    if state.size != size:
        return None
    quiet = replace(policy, moved=lambda _: None)
    wanted = origin.sha256 or (await read_digest(origin, quiet)).sha256
    path = f"{tile.path}/{origin.path.rpartition('/')[2]}"
    found = await read_digest(Source(target, path), quiet)
    return found if found.sha256 == wanted else None


def _unlink(directory: Path, names: list[str]) -> None:
    for name in names:
        (directory / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        directory.rmdir()


async def _drop_old_checksums(
    target: Storage, tile: Tile, digests: dict[str, Digest], policy: Policy
) -> None:
    """Remove a SHA256 file that describes the files just replaced; the source has none."""
    old = await read_checksums(target, tile, policy)
    if all(old.get(name, digest.sha256) == digest.sha256 for name, digest in digests.items()):
        return
    path = f"{tile.path}/{CHECKSUMS}"
    what = f"deleting {target.name}:{path}"
    await asked(what, policy, lambda: obstore.delete_async(target.objects, path))


async def _confirmed(
    target: Storage, tile: Tile, digests: dict[str, Digest], policy: Policy
) -> Whole:
    """The tile as the target shows it now; CopyError when that is not what was put there."""
    there = await look_at(target, tile, policy)
    for name, digest in digests.items():
        if name not in there or there[name].size != digest.size:
            found = f"{there[name].size} bytes" if name in there else "no file"
            raise CopyError(
                f"{target.name}:{tile.path}/{name} was written with {digest.size} bytes, "
                f"but {found} can be seen there"
            )
    scales, embeddings = (
        Placed(digests[name].size, digests[name].sha256, there[name].mtime)
        for name in (tile.scales, tile.embeddings)
    )
    return Whole(tile, embeddings, scales)


async def _checksums_file(storage: Storage, tile: Tile, policy: Policy) -> bytes:
    return await read_small(storage, f"{tile.path}/{CHECKSUMS}", CHECKSUMS_LIMIT, policy)
