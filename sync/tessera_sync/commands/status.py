"""The verb `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tessera_catalog.errors import TesseraError
from tessera_sync import texts
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Only, Where

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from tessera_catalog.manifest_header import About
    from tessera_catalog.store_manifest import Manifest
    from tessera_sync.commands.options import Setup
    from tessera_sync.selection import Selection
    from tessera_sync.survey import Facts


def status(*, only: Only, as_json: AsJson = False, where: Where) -> None:
    r"""Show what each store holds and what each lacks of the others.

    The registry is the manifest of the first store of the configuration, whose tiles form the
    catalogue. With a database (the PG* variables) it also says how far the catalogue follows.

    \b
    1. Everything:           tessera-sync status
    2. One year, a region:   tessera-sync status --year 2024 --region kenya.geojson
    """
    at = where.setup()
    names, selection = at.known(), only.selection()
    loaded = {name: at.load(name) for name in names}
    result = _compared(at, loaded, selection) | {"catalogue": _catalogue(at, loaded)}
    if as_json:
        options.print_json(result)
    else:
        _show(result)


def _compared(at: Setup, loaded: Mapping[str, Manifest], selection: Selection) -> dict[str, Any]:
    """What the manifests hold, and what each lacks of the others."""
    from tessera_sync import manifests, survey

    facts = {name: survey.facts(manifest, selection) for name, manifest in loaded.items()}
    primary = facts.get(at.stores.primary.name, survey.Facts())
    now = manifests.now()
    return {
        "dataset": at.dataset,
        "registry": {
            "store": at.stores.primary.name,
            "tiles": primary.tiles,
            "years": sorted(primary.years),
        },
        "stores": [
            {"name": name, **_held(facts[name], loaded[name].about, now)}
            if name in loaded
            else {"name": name, "tiles": None}
            for name in at.stores.names
        ],
        "pairs": [
            {"source": a, "target": b, **counts}
            for (a, b), counts in survey.pairs(loaded, selection).items()
        ],
    }


def _held(facts: Facts, about: About, now: dt.datetime) -> dict[str, Any]:
    return {
        "tiles": facts.tiles,
        "bytes": facts.bytes,
        "incomplete": facts.incomplete,
        "unsized": facts.unsized,
        "made": about.made.isoformat(),
        "age": texts.age(about.made, now),
        "age_seconds": round((now - about.made).total_seconds()),
        "how": about.how,
        "changed": about.changed or None,
    }


def _catalogue(at: Setup, loaded: Mapping[str, Manifest]) -> dict[str, Any] | None:
    """How far the catalogue follows the manifests; None without a database that answers."""
    from tessera_sync.linking import database_is_configured

    if not database_is_configured():
        return None
    from tessera_catalog.standing import standing

    try:
        found = standing(at.dataset)
    except TesseraError as error:
        options.note(f"nothing is said of the catalogue: {error}")
        return None
    if found is None:
        return {"tiles": 0, "stores": []}
    stores = [
        {
            "name": store.name,
            "tiles": store.sound,
            "unknown": store.unknown or 0,
            "linked": store.linked_at.isoformat() if store.linked_at else None,
            "in_step": store.manifest_digests == [loaded[store.name].digest],
        }
        for store in found.stores
        if store.name in loaded
    ]
    return {
        "tiles": found.tiles,
        "collections": found.collections,
        "revision": found.revision,
        "stores": stores,
    }


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
    if result["catalogue"] is not None:
        _show_catalogue(result["catalogue"])


def _show_catalogue(catalogue: dict[str, Any]) -> None:
    print("\nCatalogue:")
    if not catalogue["tiles"]:
        print("  nothing of this dataset is loaded: run tessera-load")
        return
    print(f"  {catalogue['tiles']} tiles in {catalogue['collections']} collections")
    for store in catalogue["stores"]:
        parts = [f"{store['tiles']} sound copies shown"]
        parts += [f"{store['unknown']} not in the registry"] if store["unknown"] else []
        if store["linked"] is None:
            parts += ["never linked: run tessera-sync link"]
        else:
            behind = "BEHIND its manifest: run tessera-sync link"
            parts += ["in step with its manifest" if store["in_step"] else behind]
        print(f"  {store['name']:<15} {', '.join(parts)}")


def _store_line(store: dict[str, Any]) -> str:
    if store["tiles"] is None:
        return f"  {store['name']:<15} (no manifest)"
    parts = [f"{store['tiles']} tiles", texts.size(store["bytes"])]
    parts += [f"{store['incomplete']} incomplete"] if store["incomplete"] else []
    parts += [f"{store['unsized']} of unknown size"] if store["unsized"] else []
    parts += [f"as of {store['age']}"]
    return f"  {store['name']:<15} {', '.join(parts)}"
