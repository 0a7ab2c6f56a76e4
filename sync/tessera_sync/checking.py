"""One tile of a manifest held against its files in the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from tessera_sync.attempts import CopyError, Outage, Policy
from tessera_sync.layout import CHECKSUMS, Tile
from tessera_sync.reading import Source, read_digest
from tessera_sync.row_tables import Row
from tessera_sync.storage import FileState, Storage
from tessera_sync.succession import MARKED, is_marked
from tessera_sync.tiles import look_at, read_checksums

UNUSABLE = 0
"""The size a manifest gives a file that is gone or corrupt: no plan takes it for a copy."""

GOOD, VANISHED, CORRUPT, UNREAD = "good", "vanished", "corrupt", "unread"


@dataclass(frozen=True)
class Finding:
    """What one tile turned out to be; `row` is what the manifest should say of it now."""

    tile: Tile
    row: Row
    kind: str
    """GOOD, VANISHED, CORRUPT or, when that could not be found out, UNREAD."""
    why: str = ""
    outage: bool = False


async def check_tile(
    storage: Storage, row: Row, deep: bool, policy: Policy, moved: Callable[[int], None]
) -> Finding:
    """Compare a tile's files with its row: their sizes, with `deep` their SHA-256 as well.

    A hash nobody knew yet is compared with the SHA256 file beside the tile, and learned.
    """
    tile = Tile.of(row)
    try:
        there = await look_at(storage, tile, policy)
        if tile.embeddings not in there and tile.scales not in there:
            return Finding(tile, row, VANISHED)
        found, wrong = _sizes(tile, row, there, deep)
        if deep and not wrong:
            own = replace(policy, moved=moved)
            found, wrong = await _hashes(storage, tile, found, there, own)
    except CopyError as error:
        return Finding(tile, row, UNREAD, str(error), isinstance(error, Outage))
    if wrong:
        return Finding(tile, found | {"verified_at": None}, CORRUPT, "; ".join(wrong))
    now = dt.datetime.now(dt.UTC)
    return Finding(tile, found | {"seen_at": now, "verified_at": now}, GOOD)


def _sizes(tile: Tile, row: Row, there: dict[str, FileState], deep: bool) -> tuple[Row, list[str]]:
    """The row with the sizes that were found, and what is wrong with them.

    Of a file that was unusable and has been written since, `deep` will tell by its bytes.
    """
    found, wrong = dict(row), []
    for column, name in (("embeddings", tile.embeddings), ("scales", tile.scales)):
        size = there[name].size if name in there else UNUSABLE
        known = row[f"{column}_size"]
        if known is not None and size == known and size != UNUSABLE:
            continue
        if size != UNUSABLE and is_marked(row, column, there[name].mtime):
            wrong.append(f"{name} {MARKED}")
            continue
        found[f"{column}_size"] = size
        if size == UNUSABLE:
            wrong.append(f"{name} {'has no bytes' if name in there else 'is not there'}")
        elif known is not None and not (deep and known == UNUSABLE):
            wrong.append(f"{name} has {size} bytes, the manifest says {known}")
        if size == UNUSABLE or known is not None:
            # The hash was made of other bytes.
            found[f"{column}_sha256"] = None
            found[f"{column}_mtime"] = there[name].mtime if name in there else None
    return found, wrong


async def _hashes(
    storage: Storage, tile: Tile, row: Row, there: dict[str, FileState], policy: Policy
) -> tuple[Row, list[str]]:
    """The row with the hashes that were found, and which files are not what they should be."""
    sums = await read_checksums(storage, tile, policy) if CHECKSUMS in there else {}
    found, wrong = dict(row), []
    for column, name in (("embeddings", tile.embeddings), ("scales", tile.scales)):
        digest = await read_digest(Source(storage, f"{tile.path}/{name}"), policy)
        known = row[f"{column}_sha256"]
        expected = known or sums.get(name)
        found[f"{column}_sha256"] = digest.sha256
        if expected is not None and digest.sha256 != expected:
            # Without this mark a plan from a store that knows no hashes would find it the same.
            found |= {f"{column}_size": UNUSABLE, f"{column}_mtime": there[name].mtime}
            by = "the manifest" if known else CHECKSUMS
            wrong.append(f"{name} has SHA-256 {digest.sha256.hex()}, {by} says {expected.hex()}")
    return found, wrong
