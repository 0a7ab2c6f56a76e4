"""The command `tessera-sync`: its verbs and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tessera_catalog.application import Application
from tessera_catalog.run import run
from tessera_sync.commands import (
    adopt,
    apply,
    check,
    diff,
    ingest,
    link,
    manifest,
    notify,
    plan,
    record,
    scan,
    status,
    verify,
)
from tessera_sync.commands.groups import flat
from tessera_sync.commands.options import Dataset, Given, StoresFile

app = Application()

for verb in (
    scan.scan,
    ingest.ingest,
    adopt.adopt,
    status.status,
    diff.diff,
    check.check,
    plan.plan,
    apply.apply,
    manifest.manifest,
    record.record,
    verify.verify,
    link.link,
    notify.notify,
):
    app.verb(flat(verb))


@app.itself
def tessera_sync(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", envvar="TESSERA_DATA", help="directory of the manifests"
        ),
    ] = None,
    stores: StoresFile = None,
    dataset: Dataset = None,
) -> None:
    r"""Keep copies of GeoTessera's tiles in step.

    One manifest a store, `DIR/<store>.parquet`, says what the store holds; what is missing is the
    difference of two manifests. Data goes to stdout, messages to stderr.

    \b
    1. What does each store hold?     tessera-sync scan s3
    2. How do the stores compare?     tessera-sync status
    3. What is missing, what would    tessera-sync plan okavango s3 -o plan.parquet
       it cost?
    4. Copy it, verified:             tessera-sync apply plan.parquet
    5. Let the catalogue follow:      tessera-sync link
    """
    context.obj = Given(data, stores, dataset)


def main() -> None:
    """Entry point of the command."""
    run(app, "tessera-sync")
