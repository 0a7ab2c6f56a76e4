"""The verb `verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import EXIT_FAILURES, EXIT_OK
from tessera_sync import texts
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, LookedAt, Only, Where
from tessera_sync.commands.working import Jobs, LimitRate, failures_of, policy, show_failures

if TYPE_CHECKING:
    from tessera_sync.verify import Verified


def verify(
    store: LookedAt,
    subset: Annotated[
        str | None,
        typer.Option(metavar="n/t", help="part n of t, by key: t runs cover every tile"),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="N tiles, chosen by chance")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="read the files and compare their SHA-256")
    ] = False,
    allow_loss: Annotated[
        bool,
        typer.Option("--allow-loss", help="believe it when over 1% of the tiles have vanished"),
    ] = False,
    jobs: Jobs = 32,
    limit_rate: LimitRate = None,
    *,
    only: Only,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Hold a store's manifest against the store: the files' sizes, with --deep their SHA-256.

    Good tiles are marked as verified now. Vanished ones leave the manifest and corrupt ones are
    marked in it, so that the next plan copies or replaces them.

    \b
    1. Sizes of all tiles:            tessera-sync verify s3
    2. A thirtieth, every night:      tessera-sync verify s3 --deep --subset 7/30
    3. A look by chance:              tessera-sync verify s3 --deep --sample 100
    """
    from tessera_sync.choosing import Which
    from tessera_sync.selection import parse_shard
    from tessera_sync.verify import verify as check

    at = where.setup()
    which = Which(only.selection(), parse_shard(subset) if subset else None, sample)
    report = check(
        at.data_dir,
        at.stores,
        at.dataset,
        store,
        which,
        deep=deep,
        jobs=jobs,
        say=options.note,
        allow_loss=allow_loss,
        policy=policy(limit_rate),
    )
    if as_json:
        options.print_json(_numbers(report))
    else:
        _show(report)
    show_failures("vanished", [(tile, "no file is there") for tile in report.vanished])
    show_failures("corrupt", report.corrupt)
    show_failures("could not be read", report.unread)
    if report.stopped:
        options.note(f"stopped: {report.stopped}; {report.left:,} tiles were not looked at")
    return EXIT_OK if report.good == report.checked and not report.left else EXIT_FAILURES


def _numbers(report: Verified) -> dict[str, object]:
    return {
        "store": report.store,
        "deep": report.deep,
        "checked": report.checked,
        "good": report.good,
        "vanished": report.vanished,
        "corrupt": failures_of(report.corrupt),
        "unread": failures_of(report.unread),
        "left": report.left,
        "stopped": report.stopped or None,
        "bytes": report.bytes,
    }


def _show(report: Verified) -> None:
    how = f"SHA-256 of {texts.size(report.bytes)}" if report.deep else "sizes"
    print(f"{report.store}: {report.checked:,} tiles checked ({how})")
    print(f"  good       {report.good:>12,}")
    for word, found in (("vanished", report.vanished), ("corrupt", report.corrupt)):
        if found:
            print(f"  {word:<10} {len(found):>12,}")
