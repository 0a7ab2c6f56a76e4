"""The command `tessera-sync`: its verbs and how it ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from tessera_catalog.run import EXIT_CODES, run
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

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EXIT_CODES,
)


def _help(verb: Callable[..., Any]) -> str:
    r"""A verb's documentation as its help: the mark \b keeps the lines of a paragraph apart."""
    return inspect.cleandoc(verb.__doc__ or "").replace(r"\b", "\b")


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
    app.command(help=_help(verb), epilog=EXIT_CODES)(flat(verb))


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


app.callback(help=_help(tessera_sync))(tessera_sync)


def main() -> None:
    """Entry point of the command."""
    run(app, "tessera-sync")
