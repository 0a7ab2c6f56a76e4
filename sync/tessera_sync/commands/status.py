"""The verb `status`."""

from __future__ import annotations

from typing import Any

import typer

from tessera_catalog.errors import InputError
from tessera_sync import texts
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Bbox, Data, Dataset, Region, StoresFile, Year


def status(
    context: typer.Context,
    year: Year = None,
    bbox: Bbox = None,
    region: Region = None,
    as_json: AsJson = False,
    data: Data = None,
    stores: StoresFile = None,
    dataset: Dataset = None,
) -> None:
    r"""Show what each store holds and what each lacks of the others.

    The registry is the manifest of the first store of the configuration, whose tiles form the
    catalogue.

    \b
    1. Everything:           tessera-sync status
    2. One year, a region:   tessera-sync status --year 2024 --region kenya.geojson
    """
    from tessera_sync import manifests, survey

    at = options.setup(context, data, stores, dataset)
    if not at.known():
        raise InputError(f"{at.data_dir} has no manifests of the configured stores: scan or ingest")
    selection = options.selected(year, bbox, region)
    loaded = {name: at.load(name) for name in at.known()}
    facts = {name: survey.facts(manifest, selection) for name, manifest in loaded.items()}
    primary = facts.get(at.stores.primary.name, survey.Facts())
    now = manifests.now()
    result: dict[str, Any] = {
        "dataset": at.dataset,
        "registry": {
            "store": at.stores.primary.name,
            "tiles": primary.tiles,
            "years": sorted(primary.years),
        },
        "stores": [
            {
                "name": name,
                "tiles": facts[name].tiles,
                "bytes": facts[name].bytes,
                "incomplete": facts[name].incomplete,
                "unsized": facts[name].unsized,
                "made": loaded[name].about.made.isoformat(),
                "age": texts.age(loaded[name].about.made, now),
                "age_seconds": round((now - loaded[name].about.made).total_seconds()),
                "how": loaded[name].about.how,
                "changed": loaded[name].about.changed or None,
            }
            if name in loaded
            else {"name": name, "tiles": None}
            for name in at.stores.names
        ],
        "pairs": [
            {"source": a, "target": b, **counts}
            for (a, b), counts in survey.pairs(loaded, selection).items()
        ],
    }
    if as_json:
        options.print_json(result)
    else:
        _show(result)


def _show(result: dict[str, Any]) -> None:
    registry = result["registry"]
    print("\n=== GeoTessera Sync Status ===\n")
    print(f"Registry: {registry['tiles']} tiles across {len(registry['years'])} year(s)")
    print(f"Years: {', '.join(map(str, registry['years']))}\n")
    print("Stores:")
    for store in result["stores"]:
        print(_store_line(store))
    print("\nPairwise diffs (missing from target):")
    for pair in result["pairs"]:
        states = ("stale", "incomplete", "broken")
        others = [f"{pair[name]} {name}" for name in states if pair[name]]
        missing = f"{pair['missing']} missing"
        if pair["missing"] or others:
            print(f"  {pair['source']} -> {pair['target']}: {', '.join([missing, *others])}")


def _store_line(store: dict[str, Any]) -> str:
    if store["tiles"] is None:
        return f"  {store['name']:<15} (no manifest)"
    parts = [f"{store['tiles']} tiles", texts.size(store["bytes"])]
    parts += [f"{store['incomplete']} incomplete"] if store["incomplete"] else []
    parts += [f"{store['unsized']} of unknown size"] if store["unsized"] else []
    parts += [f"as of {store['age']}"]
    return f"  {store['name']:<15} {', '.join(parts)}"
