"""The STAC collection document, and what may be filtered by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pystac
import pytest

from tessera_catalog.collections import ITEM_ASSETS, Facts, collection
from tessera_catalog.queryables import queryables
from tessera_catalog.stores import load_stores

STORES = load_stores()

FACTS = Facts(1234567, -0.1, -89.9, 179.9, 52.3, 10**15, 10**13)


def document(facts: Facts = FACTS, dataset: str = "v1", *, synthetic: bool = False) -> Any:
    return collection(STORES, dataset, 2024, facts, synthetic=synthetic)


@pytest.mark.parametrize(
    ("dataset", "identifier"),
    [("v1", "geotessera-2024"), ("v2-2B-L~beta1", "geotessera-v2-2B-L~beta1-2024")],
)
def test_is_valid(dataset: str, identifier: str) -> None:
    told = document(dataset=dataset)
    assert pystac.Collection.from_dict(told).validate()
    assert told["stac_version"] == "1.1.0"
    assert told["id"] == identifier
    assert told["license"] == "CC0-1.0"
    assert [link["rel"] for link in told["links"]] == ["license"]


def test_says_what_its_tiles_are() -> None:
    told = document()
    assert told["extent"] == {
        "spatial": {"bbox": [[-0.1, -89.9, 179.9, 52.3]]},
        "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-12-31T23:59:59Z"]]},
    }
    assert told["summaries"]["tessera:tiles"] == [1234567]
    assert told["summaries"]["tessera:bytes"] == [10**15 + 10**13]
    assert told["summaries"]["tessera:stores"] == list(STORES.names)
    assert told["summaries"]["tessera:year"] == [2024]
    assert "1,234,567 tiles" in told["description"]
    for store in STORES.stores:
        assert store.title in told["description"]
    assert told["assets"]["thumbnail"]["href"].endswith("/coverage/geotessera-2024.png")


@pytest.mark.parametrize(
    ("embeddings", "scales", "told"),
    [(None, None, None), (5, None, [5]), (None, 7, [7]), (0, 0, [0])],
)
def test_sizes_that_are_unknown_stay_so(
    embeddings: int | None, scales: int | None, told: list[int] | None
) -> None:
    facts = replace(FACTS, embeddings_bytes=embeddings, scales_bytes=scales)
    assert document(facts)["summaries"].get("tessera:bytes") == told


def test_synthetic_tiles_are_called_so() -> None:
    for name in ("title", "description"):
        assert "synthetic" in document(synthetic=True)[name]
        assert "synthetic" not in document()[name]


def test_item_assets_are_those_of_the_items() -> None:
    assert document()["item_assets"] == ITEM_ASSETS
    assert set(ITEM_ASSETS) == {"embeddings", "embeddings_scales"}
    for asset in ITEM_ASSETS.values():
        assert {"title", "type", "roles"} <= asset.keys()
        assert "href" not in asset


def test_queryables_are_such_as_clients_can_use() -> None:
    found = {one.name: one for one in queryables(STORES)}
    assert len(found) == len(queryables(STORES))
    # QGIS pushes spatial filters down for this one only.
    assert set(found["geometry"].definition) == {"title", "description", "$ref"}
    assert found["geometry"].definition["$ref"] == "https://geojson.org/schema/Polygon.json"
    for name, one in found.items():
        assert one.definition["title"]
        assert one.definition["description"]
        if name != "geometry":
            assert isinstance(one.definition["type"], str)
            assert "$ref" not in one.definition
    for name in ("tessera:stores", "tessera:missing_stores"):
        assert found[name].definition["items"]["enum"] == list(STORES.names)
    for name in STORES.names:
        assert found[f"tessera:in_{name}"].definition["type"] == "boolean"
