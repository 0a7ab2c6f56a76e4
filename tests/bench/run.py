"""Measure everything that DESIGN's table of speeds names, beside its rival: `make bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

import exporting
import loading
import searching
import syncing
from harness import Row, bench, save, table

PARTS = {
    "load": loading.rows,
    "sync": syncing.rows,
    "search": searching.rows,
    "export": exporting.rows,
}


def main() -> None:
    """Run the parts asked for, print the table and write bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=400_000, help="size of the rows marked *")
    parser.add_argument(
        "--only", choices=sorted(PARTS), action="append", help="parts (default all)"
    )
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    given = parser.parse_args()
    rows: list[Row] = []
    with bench(given.tiles) as at:
        for part in given.only or PARTS:
            for row in PARTS[part](at):
                rows.append(row)
                save(rows, given.output)
    print(table(rows))


if __name__ == "__main__":
    main()
