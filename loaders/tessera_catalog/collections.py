"""The STAC collection of a dataset and year."""

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

LICENSE_LINK = {
    "rel": "license",
    "href": "https://creativecommons.org/publicdomain/zero/1.0/",
    "type": "text/html",
    "title": "CC0 1.0 Universal",
}


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
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": identifier,
        "title": f"GeoTessera {dataset} {year}" + (" (synthetic)" if synthetic else ""),
        "description": _description(stores, dataset, year, facts, synthetic=synthetic),
        "keywords": ["embeddings", "foundation model", "Sentinel-1", "Sentinel-2", "TESSERA"],
        **({"tessera:synthetic": True} if synthetic else {}),
        "license": LICENSE,
        "providers": PROVIDERS,
        "extent": {
            "spatial": {"bbox": [[facts.west, facts.south, facts.east, facts.north]]},
            "temporal": {"interval": [[f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59Z"]]},
        },
        "summaries": _summaries(stores, dataset, year, facts),
        "item_assets": ITEM_ASSETS,
        "assets": {"thumbnail": _thumbnail(identifier)},
        "links": [LICENSE_LINK],
    }


def _description(stores: Stores, dataset: str, year: int, facts: Facts, *, synthetic: bool) -> str:
    note = "\n\n**These are synthetic tiles, made up for trials.**" if synthetic else ""
    names = ", ".join(store.title for store in stores.stores)
    return (
        f"TESSERA satellite embeddings of **{year}**, dataset {dataset}: "
        f"{facts.tiles:,} tiles of 0.1 degrees at 10 m, 128 channels a pixel, made from a "
        "year of Sentinel-1 and Sentinel-2.\n\n"
        f"Copies are kept on {names}; each item's `tessera:stores` and "
        f"`tessera:missing_stores` say which hold it.{note}"
    )


def _summaries(stores: Stores, dataset: str, year: int, facts: Facts) -> dict[str, list[Any]]:
    sizes = [size for size in (facts.embeddings_bytes, facts.scales_bytes) if size is not None]
    return {
        "gsd": [10],
        "tessera:year": [year],
        "tessera:dataset": [dataset],
        "tessera:stores": list(stores.names),
        "tessera:tiles": [facts.tiles],
        **({"tessera:bytes": [sum(sizes)]} if sizes else {}),
    }


def _thumbnail(identifier: str) -> dict[str, Any]:
    return {
        # Relative to the collection's own address.
        "href": f"../coverage/{identifier}.png",
        "title": "Coverage",
        "type": "image/png",
        "roles": ["thumbnail"],
    }
