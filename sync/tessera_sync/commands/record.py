"""The verb `record`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import EXIT_FAILURES, EXIT_OK, InputError
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Where
from tessera_sync.commands.working import Jobs, failures_of, show_failures

if TYPE_CHECKING:
    from tessera_sync.record import Recorded


def record(
    store: Annotated[str, typer.Argument(metavar="STORE", help="store that was copied to")],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="paths of tiles, one a line; - is stdin")
    ],
    trust: Annotated[
        bool, typer.Option("--trust", help="believe the list: do not look at the store")
    ] = False,
    jobs: Jobs = 32,
    *,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Record tiles that were copied with another tool.

    Looks at the store for each path and records only the tiles that are whole there: both files,
    of the sizes that the most preferred other store knows.

    \b
    1. After a copy:       tessera-sync record s3 copied.txt
    2. All in one go:      tessera-sync manifest okavango s3 -o todo.txt
                           xargs -P 32 -I{} s5cmd cp 'SRC/{}/*' 's3://DST/{}/' < todo.txt
                           tessera-sync record s3 todo.txt
    """
    from tessera_sync.listings import STDIN, place_of
    from tessera_sync.record import record as record_lines

    at = where.setup()
    try:
        with open(place_of(file), errors="replace", closefd=file != STDIN) as lines:
            report = record_lines(
                at.data_dir,
                at.stores,
                at.dataset,
                store,
                lines,
                trust=trust,
                jobs=jobs,
                say=options.note,
            )
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    if as_json:
        options.print_json(_numbers(report))
    else:
        print(f"{store}: {report.recorded:,} tiles recorded")
    show_failures("not recorded", report.failed)
    show_failures("no tile's path", [(f"line {number}", text) for number, text in report.bad])
    if report.stopped:
        options.note(f"stopped: {report.stopped}; the same command records the rest")
    return EXIT_FAILURES if report.failed or report.bad or report.stopped else EXIT_OK


def _numbers(report: Recorded) -> dict[str, object]:
    return {
        "store": report.store,
        "recorded": report.recorded,
        "failed": failures_of(report.failed),
        "bad_lines": [{"line": number, "text": text} for number, text in report.bad],
        "stopped": report.stopped or None,
    }
