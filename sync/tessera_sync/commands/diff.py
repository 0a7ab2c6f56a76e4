"""The verb `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import EXIT_OK, EXIT_SOMETHING_TO_DO
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, ExitCode, Only, Where

if TYPE_CHECKING:
    from tessera_sync.differences import Differences


def diff(
    source: Annotated[str, typer.Argument(metavar="A", help="store that is right")],
    target: Annotated[str, typer.Argument(metavar="B", help="store that is compared with it")],
    examples: Annotated[
        int, typer.Option(min=0, metavar="N", help="tiles to show of each state")
    ] = 5,
    *,
    only: Only,
    exit_code: ExitCode = False,
    as_json: AsJson = False,
    where: Where,
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

    at = where.setup()
    ours, theirs = at.load(source), at.load(target)
    found = differences(ours, theirs, only.selection(), examples)
    if as_json:
        pair = {"source": source, "target": target, "dataset": at.dataset}
        options.print_json(pair | _numbers(found))
    else:
        _show(f"{source} → {target} ({at.dataset})", found)
    return EXIT_SOMETHING_TO_DO if exit_code and found.to_do else EXIT_OK


def _numbers(found: Differences) -> dict[str, object]:
    return {
        **found.counts,
        "years": {str(year): dict(counts) for year, counts in found.years.items()},
        "examples": found.examples,
    }


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
