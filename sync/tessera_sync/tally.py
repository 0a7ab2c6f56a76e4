"""Sorted batches of files, collected and made into the rows of a manifest."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow
from tessera_catalog.columns import are_times
from tessera_catalog.store_manifest import ROWS
from tessera_sync.batches import Numbers
from tessera_sync.sightings import EXAMPLES, Files, Sorted
from tessera_sync.truth import UNKNOWN


class Tally:
    """Collects sorted batches and makes the manifest's rows of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._roots: dict[str, list[Files]] = {}

    def add(self, found: Sorted) -> None:
        """Take in a batch."""
        self.counts.update(found.counts)
        for name, paths in found.examples.items():
            shown = self.examples.setdefault(name, [])
            shown += paths[: EXAMPLES - len(shown)]
        for root, files in found.tiles.items():
            self._roots.setdefault(tidy(root), []).append(files)

    def roots(self) -> dict[str, int]:
        """Directories that hold year directories with tiles, with the number of files."""
        return {root: sum(len(f.keys) for f in files) for root, files in self._roots.items()}

    def tiles(self, roots: list[str]) -> Tiles:
        """The tiles whose files are below those roots; the files are taken out of here."""
        files = [part for root in roots for part in self._roots.pop(root, [])]
        embeddings, scales = (_merged(files, kind) for kind in (0, 1))
        listed = sum(len(part.keys) for part in files)
        self.counts["repeated"] = listed - len(embeddings.keys) - len(scales.keys)
        return Tiles(np.union1d(embeddings.keys, scales.keys), embeddings, scales)


@dataclass(frozen=True)
class Tiles:
    """Tiles of which a file was seen. Of a file listed twice the last line counts."""

    _keys: Numbers
    _embeddings: Files
    _scales: Files

    @property
    def years(self) -> list[int]:
        """Years with tiles, ascending."""
        years: list[int] = np.unique(self._keys // grid.CELLS).tolist()
        return years

    def rows(self, year: int, seen_at: dt.datetime) -> pa.Table:
        """A year's rows (ROWS), by cell. A file of the two that was not seen has size 0."""
        first, last = np.searchsorted(self._keys, (year * grid.CELLS, (year + 1) * grid.CELLS))
        return _rows(self._keys[first:last], [self._embeddings, self._scales], seen_at)


def tidy(root: str) -> str:
    """A directory as people write it in several ways: no `./`, doubled or trailing slash."""
    scheme, separator, rest = root.rpartition("://")
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    lead = "/" if rest.startswith("/") and not separator else ""
    return f"{scheme}{separator}{lead}{'/'.join(parts)}"


def _merged(files: list[Files], kind: int) -> Files:
    """All files of a kind, ascending by key, each once: the one seen last."""
    nothing = np.zeros(0, dtype=np.int64)
    picked = [(part, part.kinds == kind) for part in files]
    keys = np.concatenate([nothing, *(part.keys[mask] for part, mask in picked)])
    sizes = np.concatenate([nothing, *(part.sizes[mask] for part, mask in picked)])
    mtimes = np.concatenate([nothing, *(part.mtimes[mask] for part, mask in picked)])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    last = order[np.append(keys[1:] != keys[:-1], True)] if len(keys) else order
    return Files(np.unique(keys), np.zeros(0, dtype=np.int8), sizes[last], mtimes[last])


def _rows(keys: Numbers, kinds: list[Files], seen_at: dt.datetime) -> pa.Table:
    lon_i, lat_i = grid.cell_centre(keys % grid.CELLS)
    years = (keys // grid.CELLS).astype(np.int16)
    columns: dict[str, Any] = {
        "year": to_arrow(years),
        "lon_i": to_arrow(lon_i.astype(np.int16)),
        "lat_i": to_arrow(lat_i.astype(np.int16)),
    }
    for name, files in zip(("embeddings", "scales"), kinds, strict=True):
        rows = np.searchsorted(files.keys, keys).clip(max=max(len(files.keys) - 1, 0))
        there = files.keys[rows] == keys if len(files.keys) else np.zeros(len(keys), dtype=bool)
        sizes, mtimes = np.zeros(len(keys), dtype=np.int64), np.full(len(keys), UNKNOWN)
        sizes[there], mtimes[there] = files.sizes[rows[there]], files.mtimes[rows[there]]
        kind = ROWS.field(f"{name}_mtime").type
        columns[f"{name}_size"] = to_arrow(sizes, sizes < 0)
        columns[f"{name}_mtime"] = to_arrow(mtimes, ~are_times(mtimes), kind)
    seen = round(seen_at.timestamp() * 1e6)
    columns["seen_at"] = to_arrow(np.full(len(keys), seen), kind=ROWS.field("seen_at").type)
    for field_ in ROWS:
        columns.setdefault(field_.name, pa.nulls(len(keys), field_.type))
    return pa.Table.from_arrays([columns[name] for name in ROWS.names], schema=ROWS)
