"""The verb `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import EXIT_OK, EXIT_SOMETHING_TO_DO
from tessera_sync.commands import options
from tessera_sync.commands.options import (
    AsJson,
    Bbox,
    Data,
    Dataset,
    ExitCode,
    Region,
    StoresFile,
    Year,
)

if TYPE_CHECKING:
    from tessera_sync.differences import Differences


def diff(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="A", help="store that is right")],
    target: Annotated[str, typer.Argument(metavar="B", help="store that is compared with it")],
    examples: Annotated[
        int, typer.Option(min=0, metavar="N", help="tiles to show of each state")
    ] = 5,
    year: Year = None,
    bbox: Bbox = None,
    region: Region = None,
    exit_code: ExitCode = False,
    as_json: AsJson = False,
    data: Data = None,
    stores: StoresFile = None,
    dataset: Dataset = None,
) -> int:
    r"""Show how the tiles of store B differ from those of store A, by state and year.

    missing: only A has it. extra: only B has it. stale: a size or known hash differs. incomplete:
    B lacks a file of it. broken: A itself lacks a file of it. With --exit-code, 10 says that a plan
    from A to B would copy something.

    \b
    1. Everything:            tessera-sync diff okavango s3
    2. A country, in 2024:    tessera-sync diff okavango s3 --year 2024 --region kenya.geojson
    3. Twenty tiles of each:  tessera-sync diff okavango s3 --examples 20
    """
    from tessera_sync.differences import differences

    at = options.setup(context, data, stores, dataset)
    ours, theirs = at.load(source), at.load(target)
    found = differences(ours, theirs, options.selected(year, bbox, region), examples)
    if as_json:
        options.print_json(
            {
                "source": source,
                "target": target,
                "dataset": at.dataset,
                **found.counts,
                "years": {str(y): dict(counts) for y, counts in found.years.items()},
                "examples": found.examples,
            }
        )
    else:
        _show(f"{source} → {target} ({at.dataset})", found)
    return EXIT_SOMETHING_TO_DO if exit_code and found.to_do else EXIT_OK


def _show(title: str, found: Differences) -> None:
    names = list(found.counts)
    print(title)
    print("  year " + "".join(f"{name:>12}" for name in names))
    for year, counts in found.years.items():
        print(f"  {year} " + "".join(f"{counts[name]:>12,}" for name in names))
    print("  all  " + "".join(f"{found.counts[name]:>12,}" for name in names))
    for name, tiles in found.examples.items():
        if tiles:
            print(f"\n  {name}, for example:")
            for tile in tiles:
                print(f"    {tile}")
