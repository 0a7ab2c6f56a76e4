"""The command `tessera-load`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tessera_catalog.application import Application
from tessera_catalog.box import parse_box
from tessera_catalog.feed import Selection
from tessera_catalog.load import load
from tessera_catalog.load_plan import Options, Summary
from tessera_catalog.progress import Progress
from tessera_catalog.remote import local_copy
from tessera_catalog.run import run
from tessera_catalog.stores import load_stores

app = Application()

# The options, in the order in which the help lists them.
Source = Annotated[str, typer.Argument(help="parquet file: a path, https://… or s3://…")]
Holder = Annotated[str | None, typer.Option(help="store the registry is of (default: the primary)")]
Dataset = Annotated[str | None, typer.Option(help="dataset version, for example v1")]
Year = Annotated[list[int] | None, typer.Option(help="only this year; may be repeated")]
Bbox = Annotated[str | None, typer.Option(help="only tiles in W,S,E,N, in degrees")]
Prune = Annotated[bool, typer.Option("--prune", help="remove tiles that the registry lacks")]
Force = Annotated[bool, typer.Option("--force", help="let --prune remove more than 5%")]
AllowRejected = Annotated[
    bool, typer.Option("--allow-rejected", help="load the rest though over 1% of the rows are bad")
]
RejectedFile = Annotated[Path | None, typer.Option(help="write rejected rows to this CSV")]
StoresFile = Annotated[
    Path | None, typer.Option(help="stores.toml (else $TESSERA_STORES, else the packaged)")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say what would change, and change nothing")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@app.verb
def tessera_load(
    registry: Source,
    store: Holder = None,
    dataset: Dataset = None,
    year: Year = None,
    bbox: Bbox = None,
    prune: Prune = False,
    force: Force = False,
    allow_rejected: AllowRejected = False,
    rejected: RejectedFile = None,
    stores: StoresFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    r"""Load a registry of tiles into PostGIS, as a STAC catalogue served by pgSTAC.

    The database is the one the PG* variables name; what its schema lacks is added. Run it again at
    any time: unchanged tiles are left alone, and a load that was interrupted goes on.

    \b
    1. Load a registry:         tessera-load registry.parquet
    2. A year of Britain:       tessera-load registry.parquet --year 2024 --bbox=-9,49,2,61
    3. What would change:       tessera-load registry.parquet --prune --dry-run
    4. Another dataset version: tessera-load manifest.parquet --dataset v1.1-cam
    """
    configured = load_stores(stores)
    options = Options(
        stores=configured,
        holder=(configured.primary if store is None else configured.get(store)).name,
        dataset=dataset,
        selection=Selection(frozenset(year or ()), None if bbox is None else parse_box(bbox)),
        prune=prune,
        force=force,
        allow_rejected=allow_rejected,
        rejected_file=rejected,
        dry_run=dry_run,
    )
    progress = Progress()
    with local_copy(registry, progress) as path:
        summary = load(path, options, progress)
    _report(summary, as_json=as_json)


def main() -> None:
    """Entry point of the command."""
    run(app, "tessera-load")


def _report(summary: Summary, *, as_json: bool) -> None:
    """Print what was done: to stdout the result, to stderr what went wrong with rows."""
    for line in summary.feed.shown:
        print(line, file=sys.stderr)
    if as_json:
        print(json.dumps(_result(summary)))
    else:
        _tell(summary)


def _result(summary: Summary) -> dict[str, Any]:
    """What --json prints."""
    feed, changes = summary.feed, summary.changes
    return {
        "tiles": feed.tiles,
        "inserted": changes.inserted,
        "updated": changes.updated,
        "unchanged": changes.unchanged,
        "removed": changes.removed,
        "rejected": feed.rejected.total(),
        "rejected_by_reason": dict(feed.rejected),
        "seconds": round(summary.seconds, 3),
        "collections": sorted(summary.collections),
    }


def _tell(summary: Summary) -> None:
    feed, changes = summary.feed, summary.changes
    print(
        f"{feed.tiles:,} tiles of {summary.dataset} in {len(summary.collections)} collections: "
        f"{changes.inserted:,} new, {changes.updated:,} changed, {changes.unchanged:,} unchanged, "
        f"{changes.removed:,} removed; {feed.rejected.total():,} rows rejected "
        f"({summary.seconds:.1f} s)"
    )
    for reason, count in feed.rejected.most_common():
        print(f"  rejected: {count:,} {reason}")
