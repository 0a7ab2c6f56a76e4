"""The verb `adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Data, Dataset, Where


def adopt(
    context: typer.Context,
    urls: Annotated[
        str,
        typer.Argument(
            metavar="STORES", envvar="STORES", help="name=url;name=url, the first is the primary"
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option("--from", metavar="DIR", envvar="DATA_DIR", help="its directory of manifests"),
    ] = Path("data"),
    replace: Annotated[
        bool, typer.Option("--replace", help="write over a stores.toml that is there already")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    dataset: Dataset = None,
) -> None:
    r"""Take over the first catalogue server: its STORES variable and its parquet files.

    Writes DATA/stores.toml, and a manifest for each store whose parquet file is there. The old
    files may lie in the same directory; they are replaced by the same tiles in the new form.

    \b
    1. With STORES in the environment:  tessera-sync adopt --from ./data
    2. Without:                         tessera-sync adopt 'okavango=https://…;s3=https://…'
    3. Afterwards:                      export TESSERA_STORES=$TESSERA_DATA/stores.toml
    """
    from tessera_sync.adoption import adopt as take_over

    where = Where(context, data, None, dataset)
    directory = where.directory("where shall the manifests be?", create=True)
    wanted = dataset or where.before.dataset or "v1"
    result = take_over(directory, urls, folder, wanted, replace=replace)
    for line in result["notes"]:
        options.note(line)
    if as_json:
        options.print_json(result)
    else:
        for name, tiles in result["stores"].items():
            print(f"{name}: {'no manifest' if tiles is None else f'{tiles:,} tiles'}")
        print(f"stores.toml: {result['configuration']}")
