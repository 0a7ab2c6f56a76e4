"""The verb `check`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tessera_catalog.errors import EXIT_OK, EXIT_SOMETHING_TO_DO
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, ExitCode, Only, Where

if TYPE_CHECKING:
    from tessera_catalog.store_manifest import Manifest
    from tessera_sync.selection import Selection

_MEANING = {
    "incomplete": "a file is lacking or has no bytes",
    "misfit": "embeddings and scales are not of one picture, by their sizes",
    "unsized": "a size is not known",
}


def check(
    store: Annotated[
        str | None, typer.Argument(metavar="STORE", help="store to check (default: all)")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, metavar="N", help="bad tiles to show of each store")
    ] = 20,
    *,
    only: Only,
    exit_code: ExitCode = False,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Show tiles that cannot be right, judged by a store's manifest alone.

    Incomplete: a file is lacking or has no bytes. Misfit: embeddings and scales are not of one
    picture, by their sizes (told when nearly all tiles of the store do fit).

    \b
    1. All stores:     tessera-sync check
    2. One, in full:   tessera-sync check s3 --examples 100000
    """
    at = where.setup()
    names = at.known() if store is None else [at.stores.get(store).name]
    selection = only.selection()
    results = [_examine(at.load(name), name, selection, examples) for name in names]
    if as_json:
        options.print_json({"stores": results})
    else:
        for result in results:
            _show(result)
    bad = any(result["incomplete"] or result["misfit"] for result in results)
    return EXIT_SOMETHING_TO_DO if exit_code and bad else EXIT_OK


def _examine(manifest: Manifest, name: str, selection: Selection, most: int) -> dict[str, Any]:
    from tessera_sync import survey
    from tessera_sync.differences import tile_paths

    facts = survey.facts(manifest, selection)
    # Of another dataset's files the ratio of sizes may differ: then it says nothing of any tile.
    known = facts.tiles - facts.unsized - facts.incomplete
    misfits = facts.misfits if facts.misfits * 10 <= known else 0
    bad = survey.bad_tiles(manifest, selection, misfits=misfits > 0)
    return {
        "store": name,
        "tiles": facts.tiles,
        "incomplete": facts.incomplete,
        "misfit": misfits,
        "unsized": facts.unsized,
        "examples": [
            {
                "tile": tile_paths(tile.year, [tile.cell])[0],
                "problem": tile.problem,
                "file_size": None if tile.embeddings_size < 0 else tile.embeddings_size,
                "scales_size": None if tile.scales_size < 0 else tile.scales_size,
            }
            for tile in islice(bad, most)
        ],
    }


def _show(result: dict[str, Any]) -> None:
    name, tiles = result["store"], result["tiles"]
    issues = result["incomplete"] + result["misfit"]
    if issues:
        print(f"  {name}: {tiles} tiles, {issues} with issues:")
    else:
        print(f"  {name}: OK ({tiles} tiles, no issues)")
    for problem, meaning in _MEANING.items():
        if result[problem]:
            print(f"    {problem}: {result[problem]:,} ({meaning})")
    if result["examples"]:
        print(f"    {'tile':<45} {'file_size':>12} {'scales_size':>12}  problem")
        for tile in result["examples"]:
            sizes = (tile["file_size"], tile["scales_size"])
            shown = "".join(f" {'?' if size is None else size:>12}" for size in sizes)
            print(f"    {tile['tile']:<45}{shown}  {tile['problem']}")
        if issues > len(result["examples"]):
            print(f"    … and {issues - len(result['examples']):,} more (--examples N)")
