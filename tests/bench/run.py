"""Measure everything that docs/performance.md tells, beside its rival: `make bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

import baseline
import exporting
import growing
import loading
import mapping
import report
import searching
import syncing
from harness import Row, bench, save, table

PARTS = {
    "load": loading.rows,
    "sync": syncing.rows,
    "search": searching.rows,
    "export": exporting.rows,
    "map": mapping.rows,
    "growth": growing.rows,
}

_USUAL = [part for part in PARTS if part != "growth"]
"""Growth measures several sizes, and takes as long as all the others together."""


def main() -> None:
    """Run the parts asked for, print the table and write bench.json; 1 when a ratio fell behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=400_000, help="size of the rows marked *")
    parser.add_argument(
        "--only", choices=sorted(PARTS), action="append", help="parts (default all but growth)"
    )
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    parser.add_argument(
        "--keep",
        action="store_true",
        help="commit these rows to the page",
    )
    given = parser.parse_args()
    rows: list[Row] = []
    with bench(given.tiles) as at:
        # In this order: the parts share a catalogue, which those about loads want as it was loaded.
        for part in (part for part in PARTS if part in (given.only or _USUAL)):
            for row in PARTS[part](at):
                rows.append(row)
                save(rows, given.output)
    print(table(rows))
    if given.keep:
        baseline.keep(rows)
        report.main()
        return
    behind, unknown = baseline.compare(rows, baseline.read())
    if unknown:
        print(f"{unknown} rows have no committed ratio of their size")
    if behind:
        raise SystemExit("fallen behind the committed ratios by more than a third:\n  "
                         + "\n  ".join(behind))  # fmt: skip


if __name__ == "__main__":
    main()
