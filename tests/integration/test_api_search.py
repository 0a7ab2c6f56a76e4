"""Searches find exactly the tiles that SQL finds, by every parameter and over all pages."""

from __future__ import annotations

import json
import warnings
from typing import Any

import httpx
import pystac
import pystac_client
import pytest
from api_server import Catalogue, all_ids

BOX = "ST_MakeEnvelope(0, 52, 0.2, 52.3, 4326)"

SEARCHES: list[tuple[dict[str, str], str]] = [
    ({}, "true"),
    ({"bbox": "0,52,0.2,52.3"}, f"ST_Intersects(geometry, {BOX})"),
    ({"bbox": "0,52,-5,0.2,52.3,5"}, f"ST_Intersects(geometry, {BOX})"),
    (
        {"bbox": "0.01,52.01,0.19,52.29", "datetime": "2021-01-01/2021-12-31T23:59:59Z"},
        "ST_Intersects(geometry, ST_MakeEnvelope(0.01, 52.01, 0.19, 52.29, 4326)) AND year = 2021",
    ),
    ({"bbox": "179,-90,-179,90"}, "abs(lon) > 178.9"),
    ({"bbox": "179,-90,181,90"}, "abs(lon) > 178.9"),
    ({"bbox": "-180,-90,180,90"}, "true"),
    ({"bbox": "-0.05,-0.05,-0.05,-0.05"}, "lon = -0.05 AND lat = -0.05"),
    ({"datetime": "2022-06-01/2022-06-01"}, "year = 2022"),
    ({"datetime": "2022-06-01T00:00:00Z/.."}, "year >= 2022"),
    ({"datetime": "../2022-06-01T00:00:00Z"}, "year <= 2022"),
    ({"datetime": "/2022-06-01"}, "year <= 2022"),
    ({"datetime": "2021-12-31/2022-01-01"}, "year IN (2021, 2022)"),
    ({"datetime": "2022-01-01T00:00:00+00:00/2022-12-31T23:59:59.5Z"}, "year = 2022"),
    ({"datetime": "9999-12-31T00:00:00Z"}, "false"),
    ({"collections": "geotessera-2022,geotessera-2023"}, "year IN (2022, 2023)"),
    ({"collections": "nothing"}, "false"),
    ({"ids": "2021_grid_0.05_52.05,2022_grid_0.05_0.05,x"}, "id IN "
     "('2021_grid_0.05_52.05', '2022_grid_0.05_0.05')"),
    ({"intersects": '{"type":"Point","coordinates":[0.51,52.51]}'},
     "ST_Intersects(geometry, 'SRID=4326;POINT(0.51 52.51)')"),
    ({"intersects": json.dumps({"type": "GeometryCollection", "geometries": [
        {"type": "Point", "coordinates": [0.51, 52.51]},
        {"type": "LineString", "coordinates": [[0, 51], [1, 51.5]]}]})},
     "ST_Intersects(geometry, "
     "'SRID=4326;GEOMETRYCOLLECTION(POINT(0.51 52.51),LINESTRING(0 51,1 51.5))')"),
    ({"query": '{"tessera:lat": {"gte": "53", "lt": 53.5}, "tessera:year": 2021}'},
     "lat >= 53 AND lat < 53.5 AND year = 2021"),
    ({"query": '{"title": {"startsWith": "Tile 5", "contains": "0.5"}}'},
     "title LIKE 'Tile 5%' AND title LIKE '%0.5%'"),
    ({"query": '{"tessera:missing_stores": {"contains": "s3"}}'}, "'s3' = ANY (missing)"),
    ({"filter": "\"tessera:lat\" > 53", "query": '{"tessera:year": {"in": [2021]}}'},
     "lat > 53 AND year = 2021"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "where"), SEARCHES, ids=[str(s[0]) for s in SEARCHES])
def test_get_finds_what_sql_finds(
    api: httpx.Client, catalogue: Catalogue, parameters: dict[str, str], where: str
) -> None:
    found = all_ids(api, "/search", **parameters)
    assert len(set(found)) == len(found)
    assert set(found) == catalogue.ids(where)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "true"),
        ({"bbox": [0, 52, 0.2, 52.3]}, f"ST_Intersects(geometry, {BOX})"),
        ({"bbox": [179, -90, -179, 90], "limit": 3}, "abs(lon) > 178.9"),
        ({"datetime": "2022-06-01T00:00:00Z", "limit": 100}, "year = 2022"),
        ({"ids": []}, "false"),
        ({"filter": '"tessera:lat" >= 53', "filter-lang": "cql2-text"}, "lat >= 53"),
        ({"filter": '"tessera:lat" >= 53'}, "lat >= 53"),
        ({"filter": {"op": ">=", "args": [{"property": "tessera:lat"}, 53]}}, "lat >= 53"),
        ({"query": {"tessera:lat": {"gte": 53}}}, "lat >= 53"),
        ({"filter": {"op": "in", "args": [{"property": "tessera:lat"}, []]}}, "false"),
    ],
)
def test_post_finds_what_sql_finds(
    api: httpx.Client, catalogue: Catalogue, body: dict[str, Any], where: str
) -> None:
    found: list[str] = []
    following: dict[str, Any] | None = {"limit": 1000, **body}
    while following is not None:
        response = api.post("/search", json=following)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [item["id"] for item in page["features"]]
        assert len(found) <= page["numberMatched"]
        following = next((link["body"] for link in page["links"] if link["rel"] == "next"), None)
        assert page["numberReturned"] == len(page["features"])
    assert page["numberMatched"] == len(found)
    assert set(found) == catalogue.ids(where)


@pytest.mark.parametrize(
    "name",
    ["collections", "ids", "bbox", "intersects", "datetime", "limit", "filter", "filter-lang",
     "filter-crs", "query", "sortby", "fields", "token"],
)  # fmt: skip
def test_null_is_as_good_as_nothing(api: httpx.Client, name: str) -> None:
    expected = api.post("/search", json={}).json()
    answer = api.post("/search", json={name: None})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["features"] == expected["features"]
    assert found["numberMatched"] == expected["numberMatched"]


def test_items_of_a_collection(api: httpx.Client, catalogue: Catalogue) -> None:
    path = "/collections/geotessera-2022/items"
    assert set(all_ids(api, path, limit=100)) == catalogue.ids("year = 2022")
    found = all_ids(api, path, filter='"tessera:lat" > 53', bbox="0,50,1,54")
    where = "year = 2022 AND lat > 53 AND geometry && ST_MakeEnvelope(0, 50, 1, 54, 4326)"
    assert set(found) == catalogue.ids(where)


@pytest.mark.parametrize(
    "sortby",
    [
        "-datetime",
        "+datetime",
        "-datetime,+id",
        "-tessera:year",
        "tessera:lat",
        "-tessera:lat",
        "+tessera:lat,-tessera:lon",
        "-id",
        "collection",
        "tessera:verified",
        "-tessera:verified",
        "tessera:verified,-tessera:lat",
        "-tessera:verified,tessera:lat",
    ],
)
def test_pages_forth_and_back(api: httpx.Client, sortby: str) -> None:
    parameters = {"sortby": sortby, "limit": 70, "collections": "geotessera-2023,geotessera-2024"}
    forth = _walk(api, "/search", parameters, "next")
    back = _walk(api, forth[-1][1]["self"], {}, "previous")
    assert [ids for ids, _ in reversed(back)] == [ids for ids, _ in forth]
    whole = api.get("/search", params={**parameters, "limit": 10_000}).json()["features"]
    assert [i for ids, _ in forth for i in ids] == [i["id"] for i in whole]
    assert len({i["id"] for i in whole}) == len(whole) == 527 + 319
    assert [i["id"] for i in whole] == [i["id"] for i in in_order(whole, sortby)]


def in_order(items: list[dict[str, Any]], sortby: str) -> list[dict[str, Any]]:
    """Items sorted as SQL sorts them: without a value last, or first when descending."""
    fields = [(name.strip("+-"), name.startswith("-")) for name in sortby.split(",")]
    fields += [(name, fields[0][1]) for name in ("collection", "id")]
    for name, descending in reversed(fields):
        values = [{**item["properties"], **item}.get(name) for item in items]
        keyed = zip(values, items, strict=True)
        items = [
            item
            for _, item in sorted(
                keyed, key=lambda pair: (pair[0] is None, pair[0] or 0), reverse=descending
            )
        ]
    return items


def _walk(
    api: httpx.Client, url: str, parameters: dict[str, Any], rel: str
) -> list[tuple[list[str], dict[str, str]]]:
    """Pages in the order walked: their ids, and their links with their own address as `self`."""
    pages = []
    while url:
        response = api.get(url, params=parameters) if parameters else api.get(url)
        page = response.json()
        links = {link["rel"]: link["href"] for link in page["links"]}
        pages.append(([i["id"] for i in page["features"]], {**links, "self": str(response.url)}))
        url, parameters = links.get(rel, ""), {}
    return pages


def test_sorted_by_a_property(api: httpx.Client) -> None:
    found = api.get("/search", params={"sortby": "-properties.tessera:lat,id", "limit": 1000})
    keys = [(-i["properties"]["tessera:lat"], i["id"]) for i in found.json()["features"]]
    assert [key[0] for key in keys] == sorted(key[0] for key in keys)


def test_fields(api: httpx.Client) -> None:
    def first(**parameters: str) -> dict[str, Any]:
        features = api.get("/search", params={"limit": 1, **parameters}).json()["features"]
        return dict(features[0])

    whole = first()
    slim = first(fields="-assets,-links")
    assert slim == {k: v for k, v in whole.items() if k not in ("assets", "links")}
    picked = first(fields="properties.tessera:lat,-properties.gsd,geometry.type")
    assert set(picked) == {"id", "collection", "properties", "geometry", "links"}
    assert picked["properties"] == {"tessera:lat": whole["properties"]["tessera:lat"]}
    assert picked["geometry"] == {"type": "Polygon"}
    assert "roles" not in first(fields="-assets.embeddings.roles")["assets"]["embeddings"]
    assert first() == whole
    for fields in ({"include": None}, {"exclude": None}, {"include": [], "exclude": []}, {}):
        posted = api.post("/search", json={"limit": 1, "fields": fields}).json()["features"][0]
        assert posted == whole, fields


def test_an_item(api: httpx.Client) -> None:
    response = api.get("/collections/geotessera-2021/items/2021_grid_0.05_52.05")
    assert response.headers["content-type"] == "application/geo+json"
    item = pystac.Item.from_dict(response.json())
    assert item.collection_id == "geotessera-2021"
    assert set(item.assets) == {"embeddings", "embeddings_scales"}
    assert "data" in item.assets["embeddings"].roles  # of the collection's item_assets


def test_pystac_client_walks_all_pages(api_address: str, catalogue: Catalogue) -> None:
    client = pystac_client.Client.open(api_address)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in ("GET", "POST"):
            search = client.search(
                method=method,
                bbox=(-1, 51, 1, 53),
                datetime="2021-01-01/2022-12-31",
                filter='A_CONTAINS("tessera:stores", (\'s3\')) AND "tessera:lat" > 51.5',
                filter_lang="cql2-text",
                limit=37,
            )
            found = [item.id for item in search.items()]
            assert len(found) == len(set(found)) == search.matched()
            assert set(found) == catalogue.ids(
                "geometry && ST_MakeEnvelope(-1, 51, 1, 53, 4326) AND year IN (2021, 2022) "
                "AND 's3' = ANY (stores) AND lat > 51.5"
            )
        assert len(list(client.get_collections())) == 4
        named = client.collection_search(sortby="-id", fields="+id,+title").collections()
        assert [c.id for c in named] == [f"geotessera-{y}" for y in (2024, 2023, 2022, 2021)]
        assert client.collection_search(filter="id = 'geotessera-2021'").matched() == 1
        assert client.get_collection("geotessera-2021") is not None


def test_pages_go_on_after_a_number_that_64_bits_do_not_hold(api: httpx.Client) -> None:
    early = {"op": "<", "args": [{"property": "tessera:year"}, 10**20]}
    page = api.post("/search", json={"filter": early, "limit": 1}).json()
    (body,) = (link["body"] for link in page["links"] if link["rel"] == "next")
    assert body["filter"] == early
    again = api.post("/search", json=body).json()
    assert again["numberMatched"] == page["numberMatched"] > 2
    assert again["features"][0]["id"] != page["features"][0]["id"]


def test_counts_follow_the_pages(api: httpx.Client, catalogue: Catalogue) -> None:
    page = api.get("/search", params={"limit": 5, "bbox": "0,50,1,51"}).json()
    again = api.get(next(k["href"] for k in page["links"] if k["rel"] == "next")).json()
    expected = len(catalogue.ids("geometry && ST_MakeEnvelope(0, 50, 1, 51, 4326)"))
    assert page["numberMatched"] == again["numberMatched"] == expected


def token(direction: str, collection: str, item_id: str) -> str:
    return f"{direction}:{collection.encode().hex()}:{item_id.encode().hex()}"


def test_a_page_may_begin_at_a_tile_that_is_gone(api: httpx.Client) -> None:
    def ids(**parameters: Any) -> list[str]:
        found = api.get("/search", params=parameters)
        assert found.status_code == 200, found.text
        return [item["id"] for item in found.json()["features"]]

    gone = "2022_grid_0.05_89.95"
    whole = ids(limit=10_000)
    before = [item_id for item_id in whole if item_id > gone]
    after = whole[len(before) :]
    assert gone not in whole
    assert len(after) > 20
    assert ids(limit=20, token=token("next", "geotessera-2022", gone)) == after[:20]
    assert ids(limit=20, token=token("prev", "geotessera-2022", gone)) == before[-20:]
    refused = api.get(
        "/search",
        params={"sortby": "tessera:lat", "token": token("next", "geotessera-2022", gone)},
    )
    assert refused.status_code == 400
    assert "does not exist any more" in refused.json()["description"]


@pytest.mark.parametrize(
    "item_id", ["2022_grid_0.05_89.95' OR true --", "2022_grid_0.05_0.1", "2023_grid_0.05_0.05"]
)
def test_a_token_of_no_tile_of_its_collection_is_looked_up(api: httpx.Client, item_id: str) -> None:
    found = api.get("/search", params={"token": token("next", "geotessera-2022", item_id)})
    assert found.status_code == 400
