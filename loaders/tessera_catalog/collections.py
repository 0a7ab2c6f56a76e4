"""The STAC collection of a dataset and year, and what the queryable properties are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tessera_catalog.stores import Stores

PROVIDERS = [
    {
        "name": "GeoTessera, University of Cambridge",
        "roles": ["producer", "processor", "licensor", "host"],
        "url": "https://geotessera.org",
    }
]

ITEM_ASSETS: dict[str, dict[str, Any]] = {
    "embeddings": {
        "title": "Embeddings (int8)",
        "description": "128 channels at 10 m, quantised to int8: an array of height × width × 128",
        "type": "application/x-npy",
        "roles": ["data", "embedding"],
    },
    "embeddings_scales": {
        "title": "Scales (float32)",
        "description": "What to multiply the embeddings of each pixel with: height × width",
        "type": "application/x-npy",
        "roles": ["metadata", "scales"],
    },
}
"""What every item says of its assets. pgSTAC keeps it once, here, and not in the items."""

LICENSE = "CC0-1.0"


@dataclass(frozen=True)
class Facts:
    """What the tiles of a collection are, as queries/collection_facts.sql counts them."""

    tiles: int
    west: float
    south: float
    east: float
    north: float
    embeddings_bytes: int | None
    scales_bytes: int | None


def collection(
    stores: Stores, dataset: str, year: int, facts: Facts, *, synthetic: bool
) -> dict[str, Any]:
    """The STAC 1.1 collection of a year. Links to itself and its items are the server's to add."""
    identifier = stores.collection_id(dataset, year)
    sizes = [size for size in (facts.embeddings_bytes, facts.scales_bytes) if size is not None]
    note = "\n\n**These are synthetic tiles, made up for trials.**" if synthetic else ""
    names = ", ".join(store.title for store in stores.stores)
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": identifier,
        "title": f"GeoTessera {dataset} {year}" + (" (synthetic)" if synthetic else ""),
        "description": (
            f"TESSERA satellite embeddings of **{year}**, dataset {dataset}: "
            f"{facts.tiles:,} tiles of 0.1 degrees at 10 m, 128 channels a pixel, made from a "
            "year of Sentinel-1 and Sentinel-2.\n\n"
            f"Copies are kept on {names}; each item's `tessera:stores` and "
            f"`tessera:missing_stores` say which hold it.{note}"
        ),
        "keywords": ["embeddings", "foundation model", "Sentinel-1", "Sentinel-2", "TESSERA"],
        **({"tessera:synthetic": True} if synthetic else {}),
        "license": LICENSE,
        "providers": PROVIDERS,
        "extent": {
            "spatial": {"bbox": [[facts.west, facts.south, facts.east, facts.north]]},
            "temporal": {"interval": [[f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59Z"]]},
        },
        "summaries": {
            "gsd": [10],
            "tessera:year": [year],
            "tessera:dataset": [dataset],
            "tessera:stores": list(stores.names),
            "tessera:tiles": [facts.tiles],
            **({"tessera:bytes": [sum(sizes)]} if sizes else {}),
        },
        "item_assets": ITEM_ASSETS,
        "assets": {
            "thumbnail": {
                # Relative to the collection's own address.
                "href": f"../coverage/{identifier}.png",
                "title": "Coverage",
                "type": "image/png",
                "roles": ["thumbnail"],
            }
        },
        "links": [
            {
                "rel": "license",
                "href": "https://creativecommons.org/publicdomain/zero/1.0/",
                "type": "text/html",
                "title": "CC0 1.0 Universal",
            }
        ],
    }


@dataclass(frozen=True)
class Queryable:
    """A property that filters may name: its JSON schema, and the index behind it (None: none)."""

    name: str
    definition: dict[str, Any]
    index: str | None = None


def queryables(stores: Stores) -> list[Queryable]:
    """Properties of our items that a filter may name.

    pgSTAC finds a name that begins with `assets.` where it lies in the item. An index costs each
    tile of a load: the year has none, for all items of a collection have the same.
    """
    names = {"type": "string", "enum": list(stores.names)}
    time = {"type": "string", "format": "date-time"}
    size = {"type": "number", "minimum": 0}

    def of(name: str, title: str, description: str, index: str | None = None, /, **schema: Any
    ) -> Queryable:  # fmt: skip
        return Queryable(name, {"title": title, "description": description, **schema}, index)

    return [
        of("id", "Item id", "Year and place: 2024_grid_0.85_49.95", type="string"),
        # QGIS pushes spatial filters down only for this very reference, with no type beside it.
        Queryable(
            "geometry",
            {
                "title": "Footprint",
                "description": "The tile's square of 0.1 degrees",
                "$ref": "https://geojson.org/schema/Polygon.json",
            },
        ),
        of("collection", "Collection", "Dataset and year: geotessera-2024", type="string"),
        of("datetime", "Time", "Start of the tile's year; its whole time in T_ functions", **time),
        of("start_datetime", "Start", "Start of the tile's year", **time),
        of("end_datetime", "End", "End of the tile's year", **time),
        of("created", "Files created", "When the older of the two files was written", **time),
        of("updated", "Files updated", "When the younger of the two files was written", **time),
        of("title", "Title", "Place and year for people: Tile 49.95°N 0.85°E (2024)",
           type="string"),
        of("gsd", "Ground sample distance", "Metres a pixel", type="number"),
        of("grid:code", "Grid code", "Place on the grid, whatever the year", type="string"),
        of("tessera:year", "Year", "Year that the embeddings are of", type="integer"),
        of("tessera:lon", "Longitude", "Of the tile's centre, degrees", "BTREE",
           type="number", minimum=-180, maximum=180),
        of("tessera:lat", "Latitude", "Of the tile's centre, degrees", "BTREE",
           type="number", minimum=-90, maximum=90),
        of("tessera:dataset", "Dataset", "Version and variant of the embeddings", type="string"),
        of("tessera:stores", "Stores that hold it", "With a sound copy, most preferred first",
           "GIN", type="array", items=names),
        of("tessera:missing_stores", "Stores that lack it", "With no copy, most preferred first",
           "GIN", type="array", items=names),
        of("tessera:store_count", "Number of copies", "Stores that hold it", "BTREE",
           type="integer", minimum=0, maximum=len(stores.names)),
        of("tessera:verified", "Last verified", "When a sound copy was last read and compared",
           "BTREE", **time),
        *(
            of(f"tessera:in_{store.name}", f"Held by {store.title}",
               f"Whether {store.name} is one of tessera:stores", type="boolean")
            for store in stores.stores
        ),
        *(
            queryable
            for key, asset in ITEM_ASSETS.items()
            for queryable in (
                of(f"assets.{key}.file:size", f"Size: {asset['title']}", "Bytes",
                   "BTREE" if key == "embeddings" else None, **size),
                of(f"assets.{key}.file:checksum", f"Checksum: {asset['title']}",
                   "Multihash: 1220 and the SHA-256 in hexadecimal digits", type="string"),
            )
        ),
    ]  # fmt: skip
