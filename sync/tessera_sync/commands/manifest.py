"""The verb `manifest`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tessera_catalog.errors import EXIT_OK, InputError
from tessera_sync.commands import options
from tessera_sync.commands.options import Only, Source, Where


def manifest(
    source: Source,
    target: Annotated[str, typer.Argument(metavar="DST", help="store to copy to")],
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="paths, s5cmd or rclone")
    ] = "paths",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="write it here")
    ] = None,
    *,
    only: Only,
    where: Where,
) -> int:
    r"""Write what a plan would copy from SRC to DST, for other tools.

    paths: a tile's directory on each line. s5cmd: a file for `s5cmd run`. rclone: a file for
    `rclone copy --files-from`. Tell record afterwards which tiles arrived.

    \b
    1. With xargs:    tessera-sync manifest okavango s3 |
                      xargs -P 32 -I{} s5cmd cp 'SRC/{}/*' 's3://DST/{}/'
    2. With s5cmd:    tessera-sync manifest okavango s3 --format s5cmd | s5cmd run
    3. With rclone:   tessera-sync manifest okavango s3 --format rclone -o todo.txt
                      rclone copy --files-from todo.txt SRC: DST:
    """
    from tessera_catalog.atomic import replacing
    from tessera_sync import export
    from tessera_sync.plan import Wanted, find

    at = where.setup()
    if form not in export.FORMATS:
        raise InputError(f"--format {form}: it must be one of {', '.join(export.FORMATS)}")
    wanted = Wanted(only.selection())
    todo = find(at.load(source), at.load(target), wanted)
    lines = export.lines(form, at.stores.get(source), at.stores.get(target), todo)
    if output is None:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return EXIT_OK
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    options.note(f"{output}: {todo.copies:,} tiles")
    return EXIT_OK
