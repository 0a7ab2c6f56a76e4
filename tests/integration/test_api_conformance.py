"""The API is what it says it is: validated, its conformance classes and its documents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import PUBLIC

VALIDATOR = Path(__file__).with_name("offline_stac_validator.py")
AREA = {"type": "Polygon", "coordinates": [[[0, 51], [1, 51], [1, 52], [0, 52], [0, 51]]]}
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
SORTABLES = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def links(document: dict[str, Any]) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in document["links"]}


def test_stac_api_validator_finds_no_error(api_address: str) -> None:
    classes = ("core", "collections", "features", "item-search", "filter", "item-search#sort")
    command = [
        sys.executable, str(VALIDATOR), "--root-url", api_address, "--log-level", "ERROR",
        "--collection", "geotessera-2021", "--geometry", json.dumps(AREA),
        *(word for name in classes for word in ("--conformance", name)),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ}
    )
    assert "Errors: none" in done.stdout + done.stderr, (done.stdout + done.stderr)[-3000:]


def test_conformance_classes(api: httpx.Client) -> None:
    advertised = set(api.get("/conformance").json()["conformsTo"])
    assert advertised == set(api.get("/").json()["conformsTo"])
    assert {c.removeprefix(CQL2) for c in advertised if c.startswith(CQL2)} == {
        "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators",
        "case-insensitive-comparison", "accent-insensitive-comparison",
        "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions",
        "temporal-functions", "array-functions", "property-property", "arithmetic",
    }  # fmt: skip
    assert not [c for c in advertised if "transaction" in c or c.endswith("conf/functions")]


def test_the_landing_page_links_what_exists(api: httpx.Client, api_address: str) -> None:
    page = api.get("/").json()
    assert page["id"] == "geotessera"
    assert page["title"]
    assert page["description"]
    icon = next(link for link in page["links"] if link["rel"] == "icon")
    assert api.get(icon["href"]).headers["content-type"] == icon["type"] == "image/png"
    own = [link for link in page["links"] if link["href"].startswith(api_address)]
    assert len(own) > 8
    for link in own:
        answer = api.request(link.get("method", "GET"), link["href"], json={})
        assert answer.status_code == 200, link
    assert links(page)["alternate"].endswith(f"/#/external/{api_address}/")


def test_links_carry_the_public_address(api: httpx.Client) -> None:
    for path in ("/", "/search?limit=1", "/collections", "/collections/geotessera-2021",
                 "/collections/geotessera-2021/items?limit=1", "/queryables"):  # fmt: skip
        document = api.get(path, headers=PUBLIC).json()
        hrefs = [link["href"] for link in document.get("links", [])] + [document.get("$id", "")]
        own = [h for h in hrefs if h and "/external/" not in h and "creativecommons" not in h]
        assert own
        assert all(h.startswith("https://stac.example.org/api/") for h in own), own
        for feature in document.get("features", []):
            assert links(feature)["self"].startswith("https://stac.example.org/api/collections/")
    assert api.get("/api", headers=PUBLIC).status_code == 200
    moved = api.get("/collections/geotessera-2021/", headers=PUBLIC)
    assert moved.headers["location"] == "https://stac.example.org/api/collections/geotessera-2021"


def test_queryables(api: httpx.Client) -> None:
    everywhere = api.get("/queryables")
    assert everywhere.headers["content-type"] == "application/schema+json"
    schema = everywhere.json()
    assert schema["$id"] == str(everywhere.url)
    assert schema["properties"]["geometry"]["$ref"] == "https://geojson.org/schema/Polygon.json"
    assert "type" not in schema["properties"]["geometry"]
    for name, definition in schema["properties"].items():
        assert definition["title"], name
        assert definition["description"], name
        assert name == "geometry" or isinstance(definition["type"], str), name
        assert name == "geometry" or "$ref" not in json.dumps(definition), name
    assert api.get("/collections/nothing/queryables").status_code == 404


def test_closed_queryables_are_enumerated(api: httpx.Client) -> None:
    everywhere = api.get("/queryables").json()["properties"]
    of_one = api.get("/collections/geotessera-2021/queryables").json()["properties"]
    assert set(everywhere) == set(of_one)
    for name, values, own in (
        ("tessera:year", [2021, 2022, 2023, 2024], [2021]),
        ("tessera:dataset", ["v1"], ["v1"]),
        ("collection", [f"geotessera-{y}" for y in range(2021, 2025)], ["geotessera-2021"]),
    ):
        assert everywhere[name]["enum"] == values
        assert of_one[name]["enum"] == own
    for name in ("tessera:stores", "tessera:missing_stores"):
        assert everywhere[name]["items"]["enum"] == ["okavango", "s3", "scaleway"]


def test_every_property_of_an_item_can_be_filtered_by(api: httpx.Client) -> None:
    """As QGIS does with the columns of its table."""
    item = api.get("/collections/geotessera-2021/items/2021_grid_0.05_52.05").json()
    queryables = api.get("/collections/geotessera-2021/queryables").json()["properties"]
    assert set(item["properties"]) <= set(queryables)
    for name in item["properties"]:
        page = api.get("/search", params={"filter": f'"{name}" IS NOT NULL', "limit": 1}).json()
        assert page["numberMatched"] > 0, name
        assert "warnings" not in page, name


def test_thumbnails_are_pictures_at_addresses_of_their_own(
    api: httpx.Client, api_address: str
) -> None:
    for collection in (
        api.get("/collections/geotessera-2021").json(),
        api.get("/collections").json()["collections"][0],
        api.get("/collections?fields=id,assets").json()["collections"][0],
    ):
        thumbnail = collection["assets"]["thumbnail"]
        assert thumbnail["href"] == f"{api_address}/coverage/{collection['id']}.png"
        answer = api.get(thumbnail["href"])
        assert answer.headers["content-type"] == thumbnail["type"] == "image/png"
        assert "thumbnail" in thumbnail["roles"]


def test_sortables_are_linked_and_sort(api: httpx.Client) -> None:
    for page in ("/", "/collections/geotessera-2021"):
        schema = api.get(links(api.get(page).json())[SORTABLES]).json()
        assert "tessera:lat" in schema["properties"]
        assert not {"tessera:stores", "geometry"} & set(schema["properties"])
    for name in schema["properties"]:
        answer = api.get("/search", params={"sortby": f"-{name}", "limit": 3})
        assert answer.status_code == 200, name
        assert len(answer.json()["features"]) == 3
    collections = api.get("/collections-sortables").json()["properties"]
    for name in collections:
        assert api.get("/collections", params={"sortby": name}).status_code == 200, name


def test_openapi_says_how_many_items_a_page_may_have(api: httpx.Client) -> None:
    document = api.get(links(api.get("/").json())["service-desc"]).json()
    limit = document["components"]["parameters"]["limit"]["schema"]
    assert limit["maximum"] == 10_000
    assert len(api.get("/search").json()["features"]) == limit["default"]
    assert {"/search", "/sortables", "/_mgmt/health"} <= set(document["paths"])
    assert api.get(links(api.get("/").json())["service-doc"]).status_code == 200


@pytest.mark.parametrize("path", ["/", "/features/"])
def test_openapi_is_of_the_version_that_links_and_headers_say(api: httpx.Client, path: str) -> None:
    found = [link for link in api.get(path).json()["links"] if link["rel"] == "service-desc"]
    assert len(found) == 1
    answer = api.get(found[0]["href"])
    version = ".".join(answer.json()["openapi"].split(".")[:2])
    media_type = f"application/vnd.oai.openapi+json;version={version}"
    assert (found[0]["type"], answer.headers["content-type"]) == (media_type, media_type)


@pytest.mark.parametrize("path", ["/", "/search?limit=1", "/collections", "/_mgmt/ping"])
def test_head(api: httpx.Client, path: str) -> None:
    got, head = api.get(path, headers={"Accept-Encoding": "identity"}), api.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


def test_pages_of_others_may_use_it(api: httpx.Client) -> None:
    answer = api.options(
        "/search",
        headers={
            "Origin": "https://radiantearth.github.io",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
            "Access-Control-Request-Private-Network": "true",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-private-network"] == "true"
    methods = answer.headers["access-control-allow-methods"]
    assert set(methods.split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "content-type" in answer.headers["access-control-allow-headers"]
    refused = api.get("/search?limit=0", headers={"Origin": "https://x.example"})
    assert refused.headers["access-control-allow-origin"] == "*"


def test_unchanged_answers_are_not_sent_again(api: httpx.Client) -> None:
    first = api.get("/search?limit=1")
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    for sent in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = api.get("/search?limit=1", headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert api.get("/search?limit=1", headers={"If-None-Match": '"other"'}).status_code == 200
    assert "etag" not in api.get("/search?limit=0").headers
    assert "etag" not in api.get("/_mgmt/ping").headers


def test_answers_are_compressed(api: httpx.Client) -> None:
    answer = api.get("/search?limit=50", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(answer.content) / 5
