"""The committed ratios, by name and size: what a run may not fall far behind.

`run.py --keep` puts the rows of a run in; docs/performance.md is made of them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import Row

PATH = Path(__file__).with_name("baseline.json")

TOLERATED = 2 / 3
"""What must be left of a ratio: machines differ less in ratios than in seconds, but differ."""


@dataclass(frozen=True)
class Kept:
    """A committed row: when it was measured, and on what."""

    row: Row
    date: str
    machine: str


def read(path: Path = PATH) -> list[Kept]:
    """The committed rows."""
    if not path.exists():
        return []
    return [
        Kept(Row(**one["row"]), one["date"], one["machine"]) for one in json.loads(path.read_text())
    ]


def keep(rows: list[Row], path: Path = PATH) -> None:
    """Put rows in the place of those of the same name and size."""
    today, here = dt.datetime.now(dt.UTC).date().isoformat(), machine()
    kept = {(one.row.tiles, one.row.name): one for one in read(path)}
    kept |= {(row.tiles, row.name): Kept(row, today, here) for row in rows}
    # Rows of one size stay in the order in which they are measured.
    ordered = sorted(kept.values(), key=lambda one: one.row.tiles)
    path.write_text(json.dumps([asdict(one) for one in ordered], indent=1) + "\n")


def compare(rows: list[Row], kept: list[Kept]) -> tuple[list[str], int]:
    """A line for each row whose ratio is worse by more than a third; how many have none to be."""
    before = {(one.row.tiles, one.row.name): one.row.ratio for one in kept}
    held = [row for row in rows if row.bound and (row.tiles, row.name) in before]
    lines = []
    for row in held:
        known = before[row.tiles, row.name]
        left = row.ratio / known if row.more_is_better else known / row.ratio
        if left < TOLERATED:
            lines.append(f"{row.name} ({row.tiles:,} tiles): {row.ratio:.3g}, was {known:.3g}")
    return lines, sum(1 for row in rows if row.bound) - len(held)


def machine() -> str:
    """Processors and memory, and what they are called."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {_processor()}, {memory:.0f} GiB, {platform.system()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
