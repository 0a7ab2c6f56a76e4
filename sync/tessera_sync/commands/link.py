"""The verb `link`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import TesseraError
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Where

if TYPE_CHECKING:
    from tessera_catalog.link_years import Linked
    from tessera_sync.commands.options import Setup


def link(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would change, and change nothing")
    ] = False,
    *,
    as_json: AsJson = False,
    where: Where,
) -> None:
    r"""Bring the catalogue into step with the manifests: links, stores, sizes, verified.

    The database is the one the PG* variables name; tessera-load must have filled it. Only tiles
    that changed are rewritten, each year in one transaction. Tiles that a store has and the
    registry has not are told, and not catalogued.

    \b
    1. After scan, record or verify:   tessera-sync link
    2. What would change:              tessera-sync link --dry-run
    """
    from tessera_sync.linking import follow

    at = where.setup()
    linked = follow(at.data_dir, at.stores, at.dataset, dry_run=dry_run)
    if as_json:
        options.print_json(numbers(linked))
    else:
        show(linked, dry_run=dry_run)


def follow(at: Setup) -> None:
    """Let the catalogue follow, after another verb, if there is a database.

    The verb's own work is done by then: a fault here is told, and `status` shows the lag.
    """
    from tessera_sync import linking

    if not linking.database_is_configured():
        return
    try:
        linked = linking.follow(at.data_dir, at.stores, at.dataset)
    except TesseraError as error:
        options.note(f"the catalogue was not linked: {error}; later: tessera-sync link")
        return
    options.note(f"the catalogue follows: {linked.tiles:,} tiles changed")


def numbers(linked: Linked) -> dict[str, object]:
    """The result for machines."""
    return {
        "tiles": linked.tiles,
        "copies": dict(linked.copies),
        "unknown": dict(linked.unknown),
        "collections": linked.collections,
    }


def show(linked: Linked, *, dry_run: bool = False) -> None:
    """Print the result for people."""
    would = "would change" if dry_run else "changed"
    print(f"{linked.tiles:,} tiles {would} in {len(linked.collections)} collections")
    for name, count in sorted(linked.copies.items()):
        print(f"  {name:<12} {count:>12,} copies {would}")
    for name, count in sorted(linked.unknown.items()):
        print(f"  {name:<12} {count:>12,} tiles that the registry has not (not catalogued)")
