"""What the placements answer, and what they narrow, is what a look at every item finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import api_catalogue
import httpx
import psycopg
import pytest
from api_server import Catalogue, all_ids, database, running

from tessera_local.server import Server

FILTERS = {
    "tessera:year = 2022": "year = 2022",
    "tessera:year > 2021.5 AND tessera:year <> 2023": "year IN (2022, 2024)",
    "tessera:in_s3": "in_s3",
    "NOT tessera:in_s3": "NOT in_s3",
    "tessera:in_s3 = FALSE": "NOT in_s3",
    "FALSE <> tessera:in_s3": "in_s3",
    "tessera:in_s3 IS NOT TRUE AND tessera:lat > 52": "NOT in_s3 AND lat > 52",
    "NOT (tessera:in_s3 AND tessera:in_scaleway)": (
        "NOT (in_s3 AND 'scaleway' = ANY (stores))"
    ),
    "NOT (NOT tessera:in_s3)": "in_s3",
    "tessera:in_nothing = FALSE": "false",
    "A_CONTAINS(tessera:missing_stores, ('s3'))": "'s3' = ANY (missing)",
    "A_CONTAINS(tessera:missing_stores, ('s3')) AND tessera:lat > 52": (
        "'s3' = ANY (missing) AND lat > 52"
    ),
    "A_CONTAINS(tessera:stores, ('s3', 'scaleway'))": "stores @> '{s3,scaleway}'",
    "A_CONTAINS(tessera:stores, ()) AND tessera:lat > 52": "lat > 52",
    "A_CONTAINS(tessera:stores, ('s''3', '\"', '{null}')) AND tessera:lat > 52": "false",
    "A_CONTAINS(('s3'), tessera:missing_stores) AND tessera:lat > 52": (
        "missing <@ '{s3}' AND lat > 52"
    ),
    "NOT A_CONTAINS(tessera:stores, ('s3'))": "NOT 's3' = ANY (stores)",
    "NOT A_CONTAINS(tessera:stores, ('s3', 'scaleway'))": "NOT stores @> '{s3,scaleway}'",
    "NOT A_CONTAINS(tessera:stores, ())": "false",
    "NOT A_CONTAINS(tessera:stores, ('okavango'))": "false",
    "A_EQUALS(tessera:stores, ('scaleway', 'okavango'))": "stores = '{okavango,scaleway}'",
    "tessera:store_count < 3 OR tessera:year = 2021": "copies < 3 OR year = 2021",
    "tessera:store_count < 3 OR tessera:lat > 53": "copies < 3 OR lat > 53",
    "collection = 'geotessera-2023' AND tessera:store_count = 3": "year = 2023 AND copies = 3",
    "collection LIKE '%202_' AND tessera:dataset = 'v1' AND tessera:lat < 51": "lat < 51",
    "T_AFTER(datetime, DATE('2022-06-01')) AND tessera:in_s3": "year > 2022 AND in_s3",
    "datetime >= DATE('2023-01-01')": "year >= 2023",
    "tessera:year = 2021 AND tessera:lat > 99": "false",
    "tessera:year = 1999": "false",
    "tessera:year = tessera:store_count": "false",
    "tessera:year % 2 = 0 AND tessera:in_s3": "year IN (2022, 2024) AND in_s3",
}  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize(
    ("parameters", "also"),
    [
        ({}, "true"),
        ({"collections": "geotessera-2021,geotessera-2022,nothing"}, "year < 2023"),
        ({"datetime": "2022-06-01T00:00:00Z/.."}, "year >= 2022"),
        ({"bbox": "0.01,51.01,0.99,52.99"},
         "ST_Intersects(geometry, ST_MakeEnvelope(0.01, 51.01, 0.99, 52.99, 4326))"),
    ],
    ids=["all", "collections", "datetime", "bbox"],
)  # fmt: skip
def test_found_and_counted_as_by_sql(
    api: httpx.Client, catalogue: Catalogue, text: str, parameters: dict[str, str], also: str
) -> None:
    found = all_ids(api, "/search", limit=500, filter=text, fields="id", **parameters)
    assert set(found) == catalogue.ids(f"({FILTERS[text]}) AND {also}")


@pytest.mark.parametrize(
    "text", ["'; --", "x\r\nx", "\n) OR true; SELECT 1 --", "{where}", "%s", "\\'"]
)
def test_texts_stay_texts(api: httpx.Client, text: str) -> None:
    """What a client writes reaches the condition as a literal, whatever is in it."""
    for body in ({"collections": [text]}, {"filter": {"op": "=", "args": [
        {"property": "collection"}, text]}}, {"filter": {"op": "a_contains", "args": [
            {"property": "tessera:stores"}, [text]]}}):  # fmt: skip
        answer = api.post("/search", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["numberMatched"] == 0


def test_counts_without_a_filter(api: httpx.Client, catalogue: Catalogue) -> None:
    for path, where in (
        ("/search", "true"),
        ("/search?collections=geotessera-2021,geotessera-2024", "year IN (2021, 2024)"),
        ("/search?collections=nothing", "false"),
        ("/search?datetime=2022-06-01T00:00:00Z", "year = 2022"),
        ("/collections/geotessera-2023/items", "year = 2023"),
    ):
        assert api.get(path).json()["numberMatched"] == len(catalogue.ids(where)), path


def test_the_placements_say_of_tiles_what_the_items_say(catalogue: Catalogue) -> None:
    """The properties in sql/placements.sql are those that the renderer gives to items."""
    with psycopg.connect(catalogue.conninfo) as connection:
        differing = connection.execute(
            """
            SELECT i.id
            FROM pgstac.items i
            JOIN tessera.collection c USING (collection)
            JOIN tessera.dataset d USING (dataset_no),
            LATERAL (SELECT i.content -> 'properties') AS p (p),
            LATERAL (SELECT ARRAY(SELECT jsonb_array_elements_text(p -> 'tessera:stores'))) AS s (s)
            WHERE (p ->> 'tessera:year')::int <> c.year
               OR p ->> 'tessera:dataset' <> d.dataset
               OR (p ->> 'tessera:store_count')::int <> cardinality(s)
               OR i.datetime <> make_timestamptz(c.year, 1, 1, 0, 0, 0, 'UTC')
               OR i.end_datetime <> make_timestamptz(c.year, 12, 31, 23, 59, 59, 'UTC')
               OR (p ->> 'tessera:in_s3')::boolean <> ('s3' = ANY (s))
               OR NOT EXISTS (SELECT FROM tessera.placement t
                              WHERE t.collection = i.collection AND t.stores = s)
            """
        ).fetchall()
    assert not differing


@pytest.fixture(scope="module")
def with_a_stranger(postgres: Server) -> Iterator[Catalogue]:
    """The small catalogue, and a collection in it that no load has made."""
    with database(postgres) as made:
        api_catalogue.fill(made.conninfo)
        stranger: dict[str, Any] = {
            "type": "Collection", "stac_version": "1.1.0", "id": "stranger", "description": "x",
            "license": "CC0-1.0", "links": [],
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                       "temporal": {"interval": [[None, None]]}},
        }  # fmt: skip
        item = {
            "type": "Feature", "stac_version": "1.1.0", "id": "one", "collection": "stranger",
            "geometry": {"type": "Point", "coordinates": [0, 0]}, "bbox": [0, 0, 0, 0],
            "properties": {"datetime": "1985-06-01T00:00:00Z", "tessera:year": 1985,
                           "tessera:in_s3": True, "tessera:stores": []},
            "links": [{"rel": "about", "href": "https://example.org/one"}], "assets": {},
        }  # fmt: skip
        with psycopg.connect(made.conninfo) as connection:
            connection.execute("SET search_path = pgstac, public")
            connection.execute("SELECT create_collection(%s::jsonb)", [json.dumps(stranger)])
            connection.execute("SELECT create_item(%s::jsonb)", [json.dumps(item)])
        yield made


def test_collections_of_others_are_searched_like_any(with_a_stranger: Catalogue) -> None:
    with (
        running(with_a_stranger.environment) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        assert "one" in all_ids(client, "/search", limit=10_000)
        assert all_ids(client, "/search", filter="tessera:year = 1985") == ["one"]
        assert "one" in all_ids(client, "/search", filter="tessera:in_s3", limit=10_000)
        assert all_ids(client, "/search", datetime="../1990-01-01", sortby="-datetime") == ["one"]
        assert all_ids(client, "/search", sortby="+datetime", limit=2000)[0] == "one"
        item = client.get("/collections/stranger/items/one").json()
        assert "https://example.org/one" in [link["href"] for link in item["links"]]
