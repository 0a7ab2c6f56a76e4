"""The command `tessera-export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tessera_catalog.application import Application
from tessera_catalog.box import parse_box
from tessera_catalog.errors import InputError
from tessera_catalog.progress import Progress
from tessera_catalog.run import run
from tessera_export.export import Options, Report, export_items, export_tiles
from tessera_export.series import Wanted

app = Application()

Years = Annotated[list[int] | None, typer.Option("--year", help="only this; may be repeated")]
Bbox = Annotated[str | None, typer.Option(help="only tiles in W,S,E,N, in degrees")]
Force = Annotated[
    bool, typer.Option("--force", help="replace exports of another query, and write beside others")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@app.itself
def tessera_export() -> None:
    """Write the catalogue as GeoParquet files, which need no server to be read.

    The database is the one the PG* variables name. Files that are up to date are left alone, and
    each is there whole or not at all: an export that was interrupted is simply run again.
    """


@app.verb
def items(
    outdir: Annotated[Path, typer.Argument(help="folder; gets year=2024/geotessera-2024.parquet")],
    collection: Annotated[list[str] | None, typer.Option(help="only this; may be repeated")] = None,
    year: Years = None,
    bbox: Bbox = None,
    cql2: Annotated[
        str | None, typer.Option("--filter", metavar="CQL2", help="only items it is true of")
    ] = None,
    url: Annotated[
        str, typer.Option(help="address of the API, for links (default: relative to it)")
    ] = ".",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    r"""Write the STAC items as stac-geoparquet, a file a collection.

    \b
    1. All items:               tessera-export items catalogue
    2. What a store lacks:      tessera-export items lacking \
                                  --filter "A_CONTAINS(\"tessera:missing_stores\", ('s3'))"
    3. With absolute links:     tessera-export items catalogue --url https://example.org/api
    """
    if url != "." and not url.startswith(("https://", "http://")):
        raise InputError(f"--url {url}: it must begin with https:// or http://")
    options = Options(
        path=outdir,
        wanted=Wanted(frozenset(collection or ()), years=frozenset(year or ())),
        box=None if bbox is None else parse_box(bbox),
        filter=cql2,
        url=url.rstrip("/"),
        force=force,
    )
    _report(export_items(options, Progress()), "items", as_json=as_json)


@app.verb
def tiles(
    out: Annotated[
        Path, typer.Argument(help="a file, OUT.parquet, or a folder: a file a collection")
    ],
    dataset: Annotated[list[str] | None, typer.Option(help="only this; may be repeated")] = None,
    year: Years = None,
    bbox: Bbox = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    r"""Write the table of tiles as GeoParquet: where they are, their files, and who holds them.

    \b
    1. All tiles in one file:   tessera-export tiles tiles.parquet
    2. A year of Britain:       tessera-export tiles britain.parquet --year 2024 --bbox=-9,49,2,61
    """
    options = Options(
        path=out,
        wanted=Wanted(datasets=frozenset(dataset or ()), years=frozenset(year or ())),
        box=None if bbox is None else parse_box(bbox),
        force=force,
    )
    _report(export_tiles(options, Progress()), "tiles", as_json=as_json)


def main() -> None:
    """Entry point of the command."""
    run(app, "tessera-export")


def _report(report: Report, what: str, *, as_json: bool) -> None:
    rows, size = (
        sum(part) for part in zip(*((f.rows, f.bytes) for f in report.files), strict=True)
    )
    if as_json:
        result = {
            what: rows,
            "bytes": size,
            "seconds": round(report.seconds, 3),
            "files": [
                {
                    "path": str(file.path),
                    "collections": file.collections,
                    what: file.rows,
                    "bytes": file.bytes,
                    "written": file.written,
                }
                for file in report.files
            ],
        }
        print(json.dumps(result))
        return
    written, count = sum(file.written for file in report.files), len(report.files)
    print(
        f"{rows:,} {what} in {count} {'file' if count == 1 else 'files'}: {written} written, "
        f"{count - written} up to date; {size / 1e6:,.1f} MB ({report.seconds:.1f} s)"
    )
