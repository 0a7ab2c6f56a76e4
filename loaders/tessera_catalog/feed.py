"""From a registry file to what a load needs: its tiles spooled by year, and what was refused.

The whole file is read and judged before the database is touched, in constant memory: tiles go to
one Arrow stream a year, in temporary files.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera_catalog.arrays import to_arrow, to_mask, to_numpy
from tessera_catalog.atomic import replacing
from tessera_catalog.box import Box, inside
from tessera_catalog.errors import InputError
from tessera_catalog.manifest import TILES
from tessera_catalog.nameless import NamelessFiles
from tessera_catalog.normal_form import Batch
from tessera_catalog.registry import Registry

_SHOWN = 10
"""Rejected rows shown one by one."""


@dataclass(frozen=True)
class Selection:
    """Which tiles of the file count: years (all when empty) and a box in degrees."""

    years: frozenset[int] = frozenset()
    bbox: Box | None = None

    def mask(self, tiles: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Whether each tile is selected. A tile that only touches the box is not."""
        year, lon_i, lat_i = (to_numpy(tiles.column(n)) for n in ("year", "lon_i", "lat_i"))
        chosen = np.ones(tiles.num_rows, dtype=bool)
        if self.years:
            chosen &= np.isin(year, list(self.years))
        if self.bbox is not None:
            chosen &= inside(self.bbox, lon_i, lat_i)
        return chosen


@dataclass
class Year:
    """The selected tiles of one year: how many, their digest, and the stream that holds them.

    With no rows there is no stream.
    """

    year: int
    path: Path
    rows: int = 0
    fingerprint: bytes = b""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The tiles, in the form of TILES."""
        if self.rows == 0:
            return
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader


@dataclass
class Feed:
    """A registry as read: the selected tiles by year, and the account of the rest."""

    rows: int = 0
    years: dict[int, Year] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    @property
    def tiles(self) -> int:
        """Selected tiles of all years."""
        return sum(year.rows for year in self.years.values())


def read(
    registry: Registry,
    spool: NamelessFiles,
    *,
    dataset: str | None,
    selection: Selection,
    rejected_file: Path | None,
    advance: Callable[[int], None],
) -> Feed:
    """Read the registry once. `advance` is told the rows of each batch as it is done.

    The rejected rows are written to their file once all is read, those also of a registry that is
    too bad to be loaded.
    """
    if rejected_file is not None:
        # Whatever else is wrong with the place is told when it is written.
        with suppress(OSError):
            if rejected_file.samefile(registry.path):
                raise InputError(f"--rejected {rejected_file}: that is the registry itself")
    feed = Feed()
    with _Spool(spool) as streams, _RejectedRows(spool, rejected_file) as rejects:
        for batch in registry.batches(dataset):
            feed.rows += batch.rows
            rejects.add(feed, batch)
            streams.add(batch.tiles.filter(to_arrow(selection.mask(batch.tiles))))
            advance(batch.rows)
    feed.years = streams.finished
    return feed


class _Spool:
    """Arrow streams by year, written side by side."""

    def __init__(self, files: NamelessFiles) -> None:
        self._files = files
        self._open: dict[int, tuple[Year, pa.ipc.RecordBatchStreamWriter, _Fingerprint]] = {}
        self.finished: dict[int, Year] = {}

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        for number, (year, writer, fingerprint) in sorted(self._open.items()):
            writer.close()
            year.fingerprint = fingerprint.digest()
            self.finished[number] = year

    def add(self, tiles: pa.RecordBatch) -> None:
        years = to_numpy(tiles.column("year"))
        for number in np.unique(years).tolist():
            part = tiles.filter(to_arrow(years == number))
            if number not in self._open:
                path = self._files.new()
                writer = pa.ipc.new_stream(str(path), TILES)
                self._open[number] = Year(number, path), writer, _Fingerprint()
            year, writer, fingerprint = self._open[number]
            writer.write_batch(part)
            fingerprint.add(part)
            year.rows += part.num_rows


class _Fingerprint:
    """A digest of a set of tiles, whatever their order: sums of mixed 64-bit words.

    The mixing function is the finaliser of SplitMix64 (Steele, Lea, Flood 2014). It guards against
    change, not against malice: whoever writes the registry decides what the tiles are anyway.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(2, dtype=np.uint64)
        self._rows = 0

    def add(self, tiles: pa.RecordBatch) -> None:
        mixed = np.zeros(tiles.num_rows, dtype=np.uint64)
        for number, name in enumerate(TILES.names):
            column = tiles.column(name)
            for words in _words(column):
                mixed = _mix(mixed + words + np.uint64(number))
            # Unknown is not zero.
            mixed += to_mask(column.is_null()).astype(np.uint64)
        with np.errstate(over="ignore"):
            self._sums += np.array([mixed.sum(), _mix(~mixed).sum()], dtype=np.uint64)
        self._rows += tiles.num_rows

    def digest(self) -> bytes:
        return self._rows.to_bytes(8, "big") + self._sums.astype(">u8").tobytes()


_NO_DIGEST = pa.Array.from_buffers(pa.binary(32), 1, [None, pa.py_buffer(bytes(32))])[0]


def _words(column: pa.Array) -> Iterator[npt.NDArray[np.uint64]]:
    """A column's values as 64-bit words, null as zeros."""
    if pa.types.is_fixed_size_binary(column.type):
        filled = column.fill_null(_NO_DIGEST)
        data = np.frombuffer(filled.buffers()[1], dtype="<u8").reshape(-1, 4)
        data = data[filled.offset : filled.offset + len(filled)]
        yield from (data[:, i] for i in range(4))
    else:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        yield to_numpy(column).astype(np.int64).view(np.uint64)


def _mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class _RejectedRows:
    """The account of refused rows: counts by reason, the first ones, and a CSV on request."""

    _COLUMNS = ("row", "reason", "year", "lon", "lat", "embeddings_size", "scales_size",
                "embeddings_sha256", "scales_sha256")  # fmt: skip

    def __init__(self, files: NamelessFiles, path: Path | None) -> None:
        self._files, self._path = files, path

    def __enter__(self) -> _RejectedRows:
        self._file = None
        if self._path is not None:
            self._spooled = self._files.new()
            self._file = self._spooled.open("w", newline="", encoding="utf-8")
            self._writer = csv.writer(self._file)
            self._writer.writerow(self._COLUMNS)
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        if self._file is None or self._path is None:
            return
        self._file.close()
        if failure is None:
            _put(self._spooled, self._path)

    def add(self, feed: Feed, batch: Batch) -> None:
        feed.rejected.update(batch.rejected.column("reason").to_pylist())
        room = _SHOWN - len(feed.shown)
        if self._file is None and room <= 0:
            return
        # Not all: a time, for one, may be none that Python knows.
        told = [name for name in self._COLUMNS if name in batch.rejected.schema.names]
        for row in batch.rejected.select(told).to_pylist():
            if len(feed.shown) < _SHOWN:
                feed.shown.append(
                    f"row {row['row']}: {row['reason']} "
                    f"(year {row['year']}, lon {row['lon']}, lat {row['lat']})"
                )
            elif self._file is None:
                break
            if self._file is not None:
                self._writer.writerow([row.get(name) for name in self._COLUMNS])


def _put(made: Path, path: Path) -> None:
    """Put what was made into its place, whole; a link is written into."""
    try:
        place = nullcontext(path) if path.is_symlink() else replacing(path)
        with place as target, made.open("rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
