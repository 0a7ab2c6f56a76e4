"""The verb `apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import EXIT_FAILURES, EXIT_OK
from tessera_sync import texts
from tessera_sync.commands import options
from tessera_sync.commands.link import follow
from tessera_sync.commands.options import AsJson, Where
from tessera_sync.commands.working import Jobs, LimitRate, failures_of, policy, show_failures

if TYPE_CHECKING:
    from tessera_sync.run import Report


def apply(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="file that plan -o has saved")],
    jobs: Jobs = 16,
    limit_rate: LimitRate = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/n", help="only part i of n: for job arrays")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="tcp://…", help="let the workers of this Dask scheduler copy"),
    ] = None,
    *,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Carry out a plan: copy, compare by SHA-256, and record in the target's manifest.

    What is done stands in a journal in the data directory, so a run that was stopped or killed is
    gone on with by the same command, and no verified file is copied twice. Ctrl-C finishes the
    tiles under way. A plan whose manifests have changed since it was made is refused. Failures are
    listed and the rest goes on. With a database (the PG* variables) the catalogue's links follow.

    The workers of a Dask cluster need this tool and their own
    credentials; the journal stays here, and a lost worker's tiles are done again.

    \b
    1. All of it:                      tessera-sync apply plan.parquet
    2. More at once, but 50 MB/s:      tessera-sync apply plan.parquet --jobs 64 --limit-rate 50M
    3. Task 3 of a job array:          tessera-sync apply plan.parquet --shard 3/8
    4. On a Dask cluster:              tessera-sync apply plan.parquet --dask tcp://head:8786
    """
    from tessera_sync.apply import apply as carry_out
    from tessera_sync.run import Options

    at = where.setup()
    how = Options(jobs, shard or "", dask or "", policy(limit_rate))
    report = carry_out(at.data_dir, at.stores, at.dataset, plan, how, options.note)
    if as_json:
        options.print_json(_numbers(report))
    else:
        _show(report)
    show_failures("failed", report.failed)
    if report.stopped:
        options.note(f"stopped: {report.stopped}; {report.left:,} tiles are left")
    follow(at)  # also when nothing was done: the run before may have been killed on its way here
    if report.failed or report.left:
        options.note("the same command goes on with what is left, and tries failures again")
        return EXIT_FAILURES
    return EXIT_OK


def _numbers(report: Report) -> dict[str, object]:
    return {
        "plan": report.plan,
        "source": report.source,
        "target": report.target,
        "copied": report.done["copy"],
        "replaced": report.done["replace"],
        "deleted": report.done["delete"],
        "done_before": report.before,
        "left": report.left,
        "failed": failures_of(report.failed),
        "stopped": report.stopped or None,
        "recorded": report.merged,
        "bytes": report.bytes,
        "seconds": round(report.seconds, 3),
    }


def _show(report: Report) -> None:
    print(f"{report.source} → {report.target}")
    for word, action in (("copied", "copy"), ("replaced", "replace"), ("deleted", "delete")):
        if report.done[action]:
            print(f"  {word:<9} {report.done[action]:>12,} tiles")
    if report.before:
        print(f"  before    {report.before:>12,} tiles, by earlier runs of this plan")
    if report.seconds and report.bytes:
        rate = texts.size(report.bytes / report.seconds)
        took = texts.duration(report.seconds)
        print(f"  moved     {texts.size(report.bytes)} in {took}, {rate}/s")
    if not (sum(report.done.values()) or report.failed or report.left):
        print("  nothing was left to do")
