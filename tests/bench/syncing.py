"""The rows about tessera-sync."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import copies
import numpy as np
from catalogues import linked, vacuum
from harness import BIN, FULL, Bench, Row, medians, note, peak_memory, run

from tessera_catalog import grid
from tessera_sync import manifests, truth
from tessera_sync.compare import compare
from tessera_sync.layout import Tile
from tessera_sync.row_tables import keys_of
from tessera_sync.selection import Selection

_LISTED, _LISTED_AT_FULL = 20_000, 34_000
"""Tiles that other tools list; beside the real catalogue so many that starting is little of it."""

_LACKING = 200
"""Of those, tiles that the target lacks."""

_CHANGED = 9_184
"""Tiles to link at full size; at others in proportion."""

_TRIES = 7
"""Runs of short programs."""

_READ_KEYS = """
import sys
import pyarrow.parquet as pq
for path in sys.argv[1:]:
    pq.read_table(path, columns=["year", "lon_i", "lat_i"])
"""


def rows(bench: Bench) -> Iterator[Row]:
    """Measure planning, scanning and linking."""
    note("plan, and reading the keys of both manifests")
    planned, read = _plan_and_read(bench, bench.tiles)
    if copies.possible():
        yield from _against_listing(bench, planned)
    else:
        note("no S3 server for this processor: planning per tile and scanning are not measured")
    yield from _planning(bench, planned, read)
    yield _linking(bench)


def _against_listing(bench: Bench, planned: float) -> Iterator[Row]:
    """What other tools do to find what is missing: list both sides."""
    tiles = _LISTED_AT_FULL if bench.tiles >= FULL else _LISTED
    with copies.copies(bench, tiles, _LACKING) as made:
        to_bucket = ("--dry-run", "sync", f"{made.tree}/", f"s3://{made.bucket}/")
        everything = ("ls", f"s3://{made.bucket}/*")
        lacking = copies.FILES * _LACKING
        _expect("s5cmd sync", made.s5cmd(*to_bucket).count("cp "), lacking)
        _expect("s5cmd ls", made.s5cmd(*everything).count("\n"), copies.FILES * tiles - lacking)
        _expect("rclone check", made.rclone_check().count("+ "), lacking)
        note(f"s5cmd --dry-run sync, s5cmd ls and scan of {tiles:,} tiles")
        [synced] = medians(lambda: made.s5cmd(*to_bucket), runs=3)
        listed, scanned = medians(
            lambda: made.s5cmd(*everything), lambda: made.scan("bucket"), runs=4
        )

        def compare_from_nothing() -> None:
            made.scan("tree")
            made.scan("bucket")
            _expect("diff", json.loads(made.diff())["missing"], _LACKING)

        note(f"rclone check of {tiles:,} tiles; both scans and diff")
        checked, compared = medians(made.rclone_check, compare_from_nothing, runs=3)
    rival, ours = 1e6 * synced / tiles, 1e6 * planned / bench.tiles
    unit = f"us a tile; s5cmd --dry-run sync of {tiles:,} tiles, tree to S3"
    name = f"{_star(bench)} plan, per tile"
    yield Row(name, rival, ours, rival / ours, ">= 400", ">= 1000", unit, bench.tiles)
    files = f"{copies.FILES * tiles:,} files"
    unit = f"s; s5cmd ls of the same bucket, {files}"
    yield Row("scan of S3", listed, scanned, listed / scanned, ">= 1.5", ">= 3", unit, tiles)
    unit = f"s; rclone check --size-only --fast-list of a tree and S3, {files}"
    yield Row("scan of both, and diff", checked, compared, checked / compared, ">= 1", ">= 1.5",
              unit, tiles)  # fmt: skip


def _expect(who: str, found: int, wanted: int) -> None:
    """End the bench when somebody has not seen what is there."""
    if found != wanted:
        raise SystemExit(f"{who} found {found:,}, not {wanted:,}")


def _planning(bench: Bench, planned: float, read: float) -> Iterator[Row]:
    """A whole `plan` beside a program that reads the keys of both manifests and does no more."""
    star, tiles = _star(bench), bench.tiles
    unit = "s, whole processes; pyarrow reads year, lon_i, lat_i of both"
    yield Row(f"{star} plan", read, planned, planned / read, "<= 4", "<= 2", unit, tiles)
    theirs, ours = (
        peak_memory(command) for command in (_reading(bench, tiles), _plan(bench, tiles))
    )
    unit = "GB, ours counts; beside it what reading the keys takes"
    yield Row(f"{star} plan, peak memory", theirs, ours, ours, "<= 1.5", "<= 0.8", unit, tiles)


def _linking(bench: Bench) -> Row:
    """Link a manifest that lost some tiles, and again when it has them back, and both again.

    Not while the server still writes what the first link of everything has changed: links come
    days later. After a checkpoint, when each page that is changed goes to the log whole.
    """
    catalogue, changed = linked(bench, bench.tiles), round(_CHANGED * bench.tiles / FULL)
    data, environment = catalogue.data, catalogue.environment
    note(f"link {changed:,} changed tiles")
    manifest, before = manifests.path_of(data, "scaleway"), data / "before"
    gone = keys_of(_some_same(data, changed))
    times = []
    for _ in range(2):
        before.hardlink_to(manifest)
        manifests.update(data, "scaleway", "v1", how="bench", remove=gone)
        times.append(_link_seconds(data, environment, changed))
        before.replace(manifest)
        times.append(_link_seconds(data, environment, changed))
    vacuum(environment)
    ours = statistics.median(times)
    unit = f"s; our own load; {changed:,} tiles"
    rival = catalogue.load_seconds
    return Row(f"{_star(bench)} link of changed tiles", rival, ours, ours / rival, "<= 0.05",
               "<= 0.02", unit, bench.tiles)  # fmt: skip


def _link_seconds(data: Path, environment: dict[str, str], changed: int) -> float:
    """Wall time of a link that has so many tiles to change."""
    begun = time.perf_counter()
    told = json.loads(run([BIN / "tessera-sync", "link", "--json", "--data", data], environment))
    _expect("link", told["tiles"], changed)
    return time.perf_counter() - begun


def _some_same(data: Path, count: int) -> list[Tile]:
    """Tiles from everywhere of which scaleway has sound copies."""
    ours, theirs = (manifests.load(data, name, "v1") for name in ("okavango", "scaleway"))
    keys = np.concatenate(
        [
            diff.year * grid.CELLS + diff.source.cells[diff.states == truth.SAME].astype(np.int64)
            for diff in compare(ours, theirs, Selection())
        ]
    )
    years, cells = np.divmod(
        np.random.default_rng(1).choice(keys, count, replace=False), grid.CELLS
    )
    return [Tile(*map(int, key)) for key in zip(years, *grid.cell_centre(cells), strict=True)]


def _plan(bench: Bench, tiles: int) -> list[object]:
    data = bench.synthetic(tiles)
    return [BIN / "tessera-sync", "plan", "okavango", "scaleway", "--data", data]


def _reading(bench: Bench, tiles: int) -> list[object]:
    paths = [bench.synthetic(tiles) / f"{name}.parquet" for name in ("okavango", "scaleway")]
    return [sys.executable, "-c", _READ_KEYS, *paths]


def _plan_and_read(bench: Bench, tiles: int) -> list[float]:
    """Seconds of a plan, and of reading what it compares by."""
    plan, reading = _plan(bench, tiles), _reading(bench, tiles)
    return medians(lambda: run(plan), lambda: run(reading), runs=_TRIES)


def _star(bench: Bench) -> str:
    return "*" if bench.tiles >= FULL else "(*)"
