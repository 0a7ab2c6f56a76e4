"""The properties of our items that a filter may name, for pgSTAC's table of queryables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tessera_catalog.collections import ITEM_ASSETS
from tessera_catalog.stores import Store, Stores

TIME = {"type": "string", "format": "date-time"}


@dataclass(frozen=True)
class Queryable:
    """A property that filters may name: its JSON schema, and the index behind it (None: none)."""

    name: str
    definition: dict[str, Any]
    index: str | None = None


def queryables(stores: Stores) -> list[Queryable]:
    """All of them, in the order in which they are offered.

    An index costs each tile of a load: the year has none, for all items of a collection have the
    same.
    """
    return [
        *_standard(),
        *_tessera(stores),
        *(_held_by(store) for store in stores.stores),
        *(one for key, asset in ITEM_ASSETS.items() for one in _of_asset(key, asset["title"])),
    ]


def _standard() -> list[Queryable]:
    """What STAC and its extensions define."""
    return [
        _of("id", "Item id", "Year and place: 2024_grid_0.85_49.95", type="string"),
        # QGIS pushes spatial filters down only for this very reference, with no type beside it.
        _of("geometry", "Footprint", "The tile's square of 0.1 degrees",
            **{"$ref": "https://geojson.org/schema/Polygon.json"}),
        _of("collection", "Collection", "Dataset and year: geotessera-2024", type="string"),
        _of("datetime", "Time", "Start of the tile's year; its whole time in T_ functions", **TIME),
        _of("start_datetime", "Start", "Start of the tile's year", **TIME),
        _of("end_datetime", "End", "End of the tile's year", **TIME),
        _of("created", "Files created", "When the older of the two files was written", **TIME),
        _of("updated", "Files updated", "When the younger of the two files was written", **TIME),
        _of("title", "Title", "Place and year for people: Tile 49.95°N 0.85°E (2024)",
            type="string"),
        _of("gsd", "Ground sample distance", "Metres a pixel", type="number"),
        _of("grid:code", "Grid code", "Place on the grid, whatever the year", type="string"),
    ]  # fmt: skip


def _tessera(stores: Stores) -> list[Queryable]:
    """Our own of every item."""
    names = {"type": "string", "enum": list(stores.names)}
    return [
        _of("tessera:year", "Year", "Year that the embeddings are of", type="integer"),
        _of("tessera:lon", "Longitude", "Of the tile's centre, degrees", "BTREE",
            type="number", minimum=-180, maximum=180),
        _of("tessera:lat", "Latitude", "Of the tile's centre, degrees", "BTREE",
            type="number", minimum=-90, maximum=90),
        _of("tessera:dataset", "Dataset", "Version and variant of the embeddings", type="string"),
        _of("tessera:stores", "Stores that hold it", "With a sound copy, most preferred first",
            "GIN", type="array", items=names),
        _of("tessera:missing_stores", "Stores that lack it", "With no copy, most preferred first",
            "GIN", type="array", items=names),
        _of("tessera:store_count", "Number of copies", "Stores that hold it", "BTREE",
            type="integer", minimum=0, maximum=len(stores.names)),
        _of("tessera:verified", "Last verified", "When a sound copy was last verified, or copied",
            "BTREE", **TIME),
    ]  # fmt: skip


def _held_by(store: Store) -> Queryable:
    """One for each store, because not every client can send functions of arrays."""
    description = f"Whether {store.name} is one of tessera:stores"
    return _of(f"tessera:in_{store.name}", f"Held by {store.title}", description, type="boolean")


def _of_asset(key: str, title: str) -> list[Queryable]:
    """Of one file: pgSTAC finds a name that begins with `assets.` where it lies in the item."""
    return [
        _of(f"assets.{key}.file:size", f"Size: {title}", "Bytes",
            "BTREE" if key == "embeddings" else None, type="number", minimum=0),
        _of(f"assets.{key}.file:checksum", f"Checksum: {title}",
            "Multihash: 1220 and the SHA-256 in hexadecimal digits", type="string"),
    ]  # fmt: skip


def _of(
    name: str, title: str, description: str, index: str | None = None, /, **schema: Any
) -> Queryable:
    return Queryable(name, {"title": title, "description": description, **schema}, index)
