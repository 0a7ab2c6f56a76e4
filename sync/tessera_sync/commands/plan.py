"""The verb `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tessera_catalog.errors import EXIT_OK, EXIT_SOMETHING_TO_DO, InputError
from tessera_sync import texts
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, ExitCode, Only, Source, Where


def plan(
    source: Source,
    target: Annotated[str, typer.Argument(metavar="DST", help="store to bring into step")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="save the plan here")
    ] = None,
    delete_extra: Annotated[
        bool, typer.Option("--delete-extra", help="also delete what only DST has")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="the first N tiles of the order only")
    ] = None,
    order: Annotated[
        str, typer.Option(help="key (year, then north to south), newest, smallest or largest")
    ] = "key",
    shard: Annotated[
        str | None, typer.Option(metavar="i/n", help="part i of n, by key: for job arrays")
    ] = None,
    *,
    only: Only,
    exit_code: ExitCode = False,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Show or save what would bring store DST into step with store SRC.

    Copied are tiles that DST lacks (missing), has differently (stale) or in part (incomplete).
    A tile that is incomplete in SRC itself (broken) is reported and never copied.

    \b
    1. Only look:             tessera-sync plan okavango s3
    2. Save it for apply:     tessera-sync plan okavango s3 -o plan.parquet
    3. A trial of 100 tiles:  tessera-sync plan okavango s3 --limit 100 -o trial.parquet
    4. A year of Britain:     tessera-sync plan okavango s3 --year 2024 --bbox=-9,49,2,61
    5. Task 3 of a job array: tessera-sync plan okavango s3 --shard 3/8 -o part3.parquet
    6. For scripts:           tessera-sync plan okavango s3 --json --exit-code
    """
    from tessera_sync import manifests, plan_file
    from tessera_sync import plan as planning
    from tessera_sync.rates import rate_key, read_rates
    from tessera_sync.selection import parse_shard

    at = where.setup()
    if order not in planning.ORDERS:
        raise InputError(f"--order {order}: it must be one of {', '.join(planning.ORDERS)}")
    if source == target:
        raise InputError(f"'{source}' is both source and target: name two stores")
    wanted = planning.Wanted(
        only.selection(),
        delete_extra,
        limit,
        order,
        parse_shard(shard) if shard else None,
    )
    ours, theirs = at.load(source), at.load(target)
    todo = planning.find(ours, theirs, wanted)
    rate = read_rates(at.data_dir).get(rate_key(source, target))
    numbers = planning.describe(ours, theirs, todo, at.stores.get(source).egress_usd_per_gb, rate)
    if output is not None:
        created = manifests.now().isoformat(timespec="seconds")
        made = planning.make_plan(ours, theirs, wanted, todo, created, manifests.tool())
        plan_file.write_plan(output, made)
    if as_json:
        options.print_json(numbers | {"output": str(output) if output else None})
    else:
        _show(numbers, output)
    something = todo.copies + todo.deletions > 0
    return EXIT_SOMETHING_TO_DO if exit_code and something else EXIT_OK


_MEANING = {
    "missing": "to copy",
    "stale": "to replace: a size or hash differs",
    "incomplete": "to replace: the target lacks a file, or has one of no bytes",
    "broken": "left: incomplete in the source itself",
    "extra": "left: --delete-extra deletes them",
    "same": "",
}


def _show(numbers: dict[str, Any], output: Path | None) -> None:
    print(f"{numbers['source']} → {numbers['target']} ({numbers['dataset']})")
    meaning = _MEANING | ({"extra": "to delete"} if numbers["deletions"] else {})
    for name, what in meaning.items():
        print(f"  {name:<11} {numbers[name]:>12,}  {what}".rstrip())
    unsized = f" and {numbers['unsized']:,} tiles of unknown size" if numbers["unsized"] else ""
    tiles = f"{numbers['tiles']:,} tiles, {numbers['files']:,} files"
    print(f"  copy        {tiles}, {texts.size(numbers['bytes'])}{unsized}")
    if numbers["deletions"]:
        print(f"  delete      {numbers['deletions']:,} tiles")
    print(f"  cost        ${numbers['usd']:,.2f} of egress from {numbers['source']}")
    if numbers["seconds"] is None:
        print("  time        unknown until the first apply has measured the rate")
    elif numbers["bytes_per_second"]:
        rate = texts.size(numbers["bytes_per_second"])
        print(f"  time        {texts.duration(numbers['seconds'])} at the last rate, {rate}/s")
    if output is not None:
        print(f"  saved       {output}: run tessera-sync apply {output}")
