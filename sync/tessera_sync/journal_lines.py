"""The lines of a journal: JSON with the time, most of them of a tile that was done."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tessera_sync.layout import Tile, parse_path
from tessera_sync.tiles import Placed, Whole


@dataclass(frozen=True)
class Entry:
    """What was done with one tile, and when: it is whole in the target, or it is deleted."""

    at: dt.datetime
    tile: Tile
    whole: Whole | None
    """None: the tile was deleted."""
    looked: dt.datetime | None = None
    """When the whole target had last been looked at, as its manifest said; None: not known."""


def line_now(**values: Any) -> str:
    """A line that says these values, and the time."""
    return _line(dt.datetime.now(dt.UTC), values)


def line_of(entry: Entry) -> str:
    """The line of a tile that was done."""
    path, whole = entry.tile.path, entry.whole
    if whole is None:
        return _line(entry.at, {"deleted": path})
    files = {"embeddings": _placed(whole.embeddings), "scales": _placed(whole.scales)}
    return _line(entry.at, {"done": path, **files})


def entry_of(record: Mapping[str, Any], looked: dt.datetime | None) -> Entry:
    """What a line of `line_of` says, after that look.

    ValueError, KeyError, TypeError or AttributeError when it is damaged.
    """
    at = time_of(record["at"])
    tile = parse_path(record["deleted"] if "deleted" in record else record["done"])
    if tile is None:
        raise ValueError(record)
    if "deleted" in record:
        return Entry(at, tile, None, looked)
    embeddings, scales = (_placed_of(*record[name]) for name in ("embeddings", "scales"))
    return Entry(at, tile, Whole(tile, embeddings, scales), looked)


def time_of(text: str) -> dt.datetime:
    """A time as the lines have it, in UTC; ValueError or TypeError when it is none."""
    time = dt.datetime.fromisoformat(text)
    if time.utcoffset() != dt.timedelta():
        raise ValueError(text)
    return time


def _line(at: dt.datetime, values: Mapping[str, Any]) -> str:
    told = {"at": at.isoformat(timespec="microseconds"), **values}
    return json.dumps(told, separators=(",", ":")) + "\n"


def _placed(placed: Placed) -> list[Any]:
    return [placed.size, placed.sha256.hex(), placed.mtime and placed.mtime.isoformat()]


def _placed_of(size: int, sha256: str, mtime: str | None) -> Placed:
    digest = bytes.fromhex(sha256)
    if type(size) is not int or not 0 <= size < 2**63 or len(digest) != 32:
        raise ValueError(size, sha256)
    return Placed(size, digest, None if mtime is None else time_of(mtime))
