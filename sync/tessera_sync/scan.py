"""Look at a store, or at a listing of it, and make its manifest of what is there."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from tessera_catalog.errors import InputError, Refused
from tessera_catalog.locks import lock
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import Store
from tessera_sync import bucket, manifests, succession, tree
from tessera_sync.batches import Batch
from tessera_sync.listings import STDIN, read_listing
from tessera_sync.sightings import KINDS, sort_out
from tessera_sync.storage import open_storage
from tessera_sync.tally import Tally, tidy

LOSS = 0.01
"""Part of its tiles a manifest may lose at a time without the user's word."""

Seen = Callable[[int], None]
"""Told the number of files of each batch as they come."""


@dataclass
class Look:
    """What was seen of a store."""

    how: str
    made: dt.datetime
    tally: Tally = field(default_factory=Tally)
    roots: list[str] = field(default_factory=lambda: [""])
    """Directories whose year directories are the store's."""
    live: bool = True
    """Whether the store itself was looked at: what was recorded meanwhile is then newer."""
    lines: int = 0
    unparsed: int = 0
    unparsed_lines: list[str] = field(default_factory=list)


def look(store: Store, seen: Seen) -> Look:
    """List a store itself. InputError when it is reached by https, which cannot be listed."""
    storage = open_storage(store)
    result = Look(f"scan {store.root}", manifests.now())

    def add(batch: Batch) -> None:
        result.tally.add(sort_out(batch))
        seen(len(batch.names))

    async def take(batch: Batch) -> None:
        await asyncio.to_thread(add, batch)

    if storage.folder is not None:
        for batch in tree.walk(storage.folder):
            add(batch)
    elif storage.listable:
        asyncio.run(bucket.list_files(storage, take))
    else:
        raise InputError(
            f"store '{store.name}' is reached by https, which cannot list files: give a listing, "
            f"as in 'tessera-sync scan {store.name} listing.txt'"
        )
    return result


def look_at_listings(store: Store, sources: list[str], below: str | None, seen: Seen) -> Look:
    """Read listings of a store. InputError when nothing in them is understood."""
    result = Look(f"scan {' '.join(sources)}", _made(sources), live=False)
    for source in sources:
        lines = 0
        for found, parsed in read_listing(source):
            result.tally.add(found)
            lines += parsed.lines
            result.unparsed += parsed.unparsed
            result.unparsed_lines += parsed.examples[: 5 - len(result.unparsed_lines)]
            seen(len(parsed.batch.names))
        result.lines += lines
    if result.lines and result.unparsed == result.lines:
        raise InputError(
            f"listing {sources[0]}: none of its {result.lines:,} lines says a size and a path; "
            f"the first is: {result.unparsed_lines[0][:120]}"
        )
    if result.lines and not result.tally.roots():
        raise InputError(
            f"listing {sources[0]}: none of its files is a tile's, "
            "that is, named like 2024/grid_0.85_49.95/grid_0.85_49.95.npy"
        )
    result.roots = _roots(store, result.tally.roots(), below)
    return result


def record(
    data_dir: Path, store: Store, dataset: str, seen: Look, *, allow_shrink: bool
) -> dict[str, Any]:
    """Replace the store's manifest by what was seen; the numbers, as `--json` prints them.

    Refused when more than LOSS of the old manifest's tiles would be gone.
    """
    change = succession.Change()
    with lock(data_dir, store.name):
        old = manifests.find(data_dir, store.name, dataset)

        def guard(_digest: str) -> None:
            if old and change.lost > LOSS * old.tiles and not allow_shrink:
                raise Refused(
                    f"of the {old.tiles:,} tiles of '{store.name}' this scan lacks "
                    f"{change.lost:,} ({change.lost / old.tiles:.1%}): the manifest stays as it "
                    "was; if they are really gone, give --allow-shrink"
                )

        about = About(store.name, dataset, seen.made, seen.how, manifests.tool())
        digest = manifests.replace(data_dir, about, _succeed(old, seen, change), guard)
    counts = seen.tally.counts
    return {
        "store": store.name,
        "dataset": dataset,
        **asdict(change),
        "lines": seen.lines,
        "unparsed": seen.unparsed,
        "files": {name.replace("-", "_"): counts[name] for name in KINDS},
        "repeated": counts["repeated"],
        "digest": digest,
    }


def _succeed(old: Manifest | None, seen: Look, change: succession.Change) -> Iterator[pa.Table]:
    """The rows to record, a year after another."""
    fresh = seen.tally.tiles(seen.roots)
    known = old.years if old else []
    since = seen.made if seen.live else None
    for year in sorted({*fresh.years, *known}):
        before = old.read(year) if old and year in known else None
        now = fresh.rows(year, seen.made) if year in fresh.years else None
        yield succession.succeed(before, now, since, change)


def _made(sources: list[str]) -> dt.datetime:
    """When listings were made: as old as the oldest file, now for stdin."""
    times = [time.time()]
    for source in sources:
        if source != STDIN:
            try:
                times.append(max(Path(source).stat().st_mtime, 0))
            except OSError as error:
                raise InputError(f"listing {source}: {error.strerror}") from error
    return dt.datetime.fromtimestamp(min(times), dt.UTC)


def _roots(store: Store, found: dict[str, int], below: str | None) -> list[str]:
    """Which directories of a listing are the store's root.

    A listing of a whole bucket may hold several datasets, whose tiles must not mix.
    """
    if below is not None:
        wanted = tidy(below)
        chosen = [root for root in found if root == wanted or root.endswith(f"/{wanted}")]
        if found and not chosen:
            raise InputError(f"--below {below}: no tiles there, only below {_some(found)}")
        return chosen
    if len(found) <= 1:
        return list(found)
    path = tidy(store.root or "").rpartition("://")[2]
    chosen = [
        root
        for root in found
        if (bare := root.rpartition("://")[2].strip("/")) and f"/{path}".endswith(f"/{bare}")
    ]
    if len(chosen) != 1:
        raise InputError(
            f"the listing has tiles below {_some(found)}: say with --below which are of "
            f"'{store.name}'"
        )
    return chosen


def _some(roots: dict[str, int]) -> str:
    shown = [f"{root or 'its top'} ({count:,} files)" for root, count in roots.items()]
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
