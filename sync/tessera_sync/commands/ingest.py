"""The verb `ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Where


def ingest(
    parquet: Annotated[Path, typer.Argument(metavar="PARQUET", help="registry or manifest")],
    store: Annotated[str, typer.Argument(metavar="STORE", help="store whose tiles it lists")],
    allow_rejected: Annotated[
        bool,
        typer.Option("--allow-rejected", help="take the rest though over 1% of the rows are bad"),
    ] = False,
    *,
    as_json: AsJson = False,
    where: Where,
) -> None:
    r"""Take over a parquet file as the manifest of a store.

    Known are the registry of 2025 (registry.parquet), geotessera's manifest.parquet, and the
    manifests of this tool and of the first catalogue server. Rows that are no tiles are left out
    and counted by their reasons.

    \b
    1. tessera-sync ingest registry.parquet okavango
    2. tessera-sync ingest manifest.parquet okavango --dataset v1.1-cam
    """
    from tessera_sync.ingestion import ingest as take_over

    at = where.setup(create=True)
    name = at.stores.get(store).name
    result = take_over(at.data_dir, name, at.dataset, parquet, allow_rejected=allow_rejected)
    for reason, count in result["rejected_by_reason"].items():
        options.note(f"{parquet}: {count:,} rows left out: {reason}")
    if as_json:
        options.print_json(result)
    else:
        years = f"{len(result['years'])} year{'s' if len(result['years']) != 1 else ''}"
        print(f"{name}: {result['tiles']:,} tiles of {years}, {result['rejected']:,} rejected rows")
