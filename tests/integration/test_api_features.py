"""OGC API Features: the tables of tiles and coverage, against what SQL says of them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import geopandas
import httpx
import psycopg
import pytest
from api_catalogue import row
from api_server import Catalogue, running
from hypothesis import given
from hypothesis import strategies as st
from registries import load_rows
from test_api_fuzz import OPERATORS, check, geometries, moments, numbers, sound, texts, thorough

from tessera_api.filters.columns import Columns, condition
from tessera_api.filters.parse import parse
from tessera_api.filters.properties import Kind

TILE = "/features/collections/tessera.tile"
COVERAGE = "/features/collections/tessera.coverage"
ITEMS = f"{TILE}/items"


def told(catalogue: Catalogue, statement: str) -> Any:
    """The one value of a statement."""
    with psycopg.connect(catalogue.conninfo) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def count(catalogue: Catalogue, where: str) -> int:
    return int(told(catalogue, f"SELECT count(*) FROM tessera.tile WHERE {where}"))


def matched(api: httpx.Client, **parameters: Any) -> int:
    answer = api.get(ITEMS, params={"limit": 1, **parameters})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["numberMatched"])


def refusal(api: httpx.Client, path: str = ITEMS, **parameters: Any) -> str:
    """The description of a 400."""
    answer = api.get(path, params=parameters)
    assert answer.status_code == 400, f"{answer.status_code}: {answer.text}"
    assert set(answer.json()) == {"code", "description"}
    return str(answer.json()["description"])


def links(page: dict[str, Any]) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in page["links"]}


def test_every_link_of_the_landing_page_answers(api: httpx.Client) -> None:
    stac = api.get("/").json()
    (href,) = (
        link["href"] for link in stac["links"] if link["href"].rstrip("/").endswith("/features")
    )
    landing = api.get(href).json()
    assert landing["title"]
    for link in landing["links"]:
        if not link.get("templated"):
            assert api.get(link["href"]).status_code == 200, link
    assert links(landing)["service-desc"].endswith("/api")
    assert api.get("/features", follow_redirects=True).json() == landing


def test_conformance_claims_what_is_served(api: httpx.Client) -> None:
    classes = api.get("/features/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in classes
    assert "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text" in classes
    assert not [each for each in classes if each.endswith(("/html", "/oas30"))]


def test_browsers_get_json(api: httpx.Client) -> None:
    for path in ("/features/", "/features/collections", TILE, f"{TILE}/queryables", ITEMS):
        answer = api.get(path, headers={"Accept": "text/html"})
        assert "json" in answer.headers["content-type"]
    assert refusal(api, "/features/", f="html").startswith("query.f")


def test_collections_have_true_extents(api: httpx.Client, catalogue: Catalogue) -> None:
    collections = api.get("/features/collections").json()["collections"]
    assert {each["id"] for each in collections} == {"tessera.tile", "tessera.coverage"}
    tile = api.get(TILE).json()
    west, south, east, north = told(
        catalogue,
        "SELECT ARRAY[floor(min(lon)), floor(min(lat)), ceil(max(lon)), ceil(max(lat))] "
        "FROM tessera.tile",
    )
    assert tile["extent"]["spatial"]["bbox"] == [[west, south, east, north]]
    assert tile["extent"]["temporal"]["interval"] == [
        ["2021-01-01T00:00:00Z", "2024-12-31T23:59:59Z"]
    ]
    assert tile["description"].startswith("one row a tile")
    assert links(tile)["items"].endswith(ITEMS)


def test_queryables_are_the_columns(api: httpx.Client) -> None:
    properties = api.get(f"{TILE}/queryables").json()["properties"]
    assert properties["geom"] == {
        "$ref": "https://geojson.org/schema/Polygon.json",
        "title": "geom",
    }
    assert properties["year"]["type"] == "integer"
    assert properties["verified"]["format"] == "date-time"
    assert "description" in properties["stores"]
    assert "embeddings_sha256" not in properties
    assert "held" not in api.get(f"{COVERAGE}/queryables").json()["properties"]


def test_a_feature_has_the_columns_of_its_row(api: httpx.Client, catalogue: Catalogue) -> None:
    row = told(
        catalogue,
        "SELECT to_jsonb(t) - '{geom,embeddings_sha256,scales_sha256}'::text[] FROM tessera.tile t "
        "WHERE verified IS NOT NULL ORDER BY id LIMIT 1",
    )
    answer = api.get(f"{ITEMS}/{row['id']}")
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    assert feature["id"] == row["id"]
    assert feature["properties"] == row
    assert feature["geometry"]["type"] == "Polygon"
    assert links(feature)["collection"].endswith(TILE)


@pytest.mark.parametrize("name", ["0", "x", "-1", "9" * 40, "1.5"])
def test_features_that_are_not_there(api: httpx.Client, name: str) -> None:
    answer = api.get(f"{ITEMS}/{name}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "description"}


@pytest.mark.parametrize("path", ["", "/items", "/items/1", "/queryables"])
def test_collections_that_are_not_there(api: httpx.Client, path: str) -> None:
    for name in ("tessera.replica", "tile", "pg_catalog.pg_authid", "'"):
        answer = api.get(f"/features/collections/{name}{path}")
        assert answer.status_code == 404, answer.text
        assert set(answer.json()) == {"code", "description"}


@pytest.mark.parametrize("sortby", [None, "-lat", "year,-lon"])
def test_pages_have_every_feature_once(
    api: httpx.Client, catalogue: Catalogue, sortby: str | None
) -> None:
    order = {} if sortby is None else {"sortby": sortby}
    page = api.get(ITEMS, params={"limit": 700, "year": 2021, **order}).json()
    pages = [page]
    while "next" in links(page):
        page = api.get(links(page)["next"]).json()
        pages.append(page)
    found = [feature["id"] for each in pages for feature in each["features"]]
    assert len(found) == len(set(found)) == count(catalogue, "year = 2021") > 1400
    assert {each["numberMatched"] for each in pages} == {len(found)}
    assert sum(each["numberReturned"] for each in pages) == len(found)
    if sortby:
        assert api.get(links(pages[1])["prev"]).json()["features"] == pages[0]["features"]
    key = {None: "id", "-lat": "lat", "year,-lon": "lon"}[sortby]
    values = [feature["properties"][key] for each in pages for feature in each["features"]]
    assert values == sorted(values, reverse=sortby is not None)


def test_counts_without_a_filter(api: httpx.Client, catalogue: Catalogue) -> None:
    assert matched(api) == count(catalogue, "true")
    squares = told(catalogue, "SELECT count(*) FROM tessera.coverage")
    page = api.get(f"{COVERAGE}/items", params={"limit": 10_000}).json()
    assert page["numberMatched"] == page["numberReturned"] == squares
    held = page["features"][0]["properties"]["held"]
    assert held["okavango"] == page["features"][0]["properties"]["tiles"]
    # More than a page may have is as many as it may have.
    assert api.get(ITEMS, params={"limit": 10**9}).json()["numberReturned"] == matched(api)
    assert api.get(ITEMS).json()["numberReturned"] == 10


SQL_BOX = "ST_MakeEnvelope({}, 4326)"


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"bbox": "0,51,1,52"}, f"ST_Intersects(geom, {SQL_BOX.format('0,51,1,52')})"),
        ({"bbox": "0,51,-9,1,52,9"}, f"ST_Intersects(geom, {SQL_BOX.format('0,51,1,52')})"),
        ({"bbox": "179.9,-80,-179.9,80"}, "abs(lon) > 179"),
        ({"datetime": "2022-06-01T00:00:00Z"}, "year = 2022"),
        ({"datetime": "2022-12-31/2023-01-01"}, "year IN (2022, 2023)"),
        ({"datetime": "../2022-01-01T00:00:00Z"}, "year <= 2022"),
        ({"datetime": "2023-05-05T00:00:00+00:00/.."}, "year >= 2023"),
        ({"datetime": "1999-01-01T00:00:00Z"}, "false"),
        ({"year": "2024", "store_count": "2"}, "year = 2024 AND store_count = 2"),
        ({"dataset": "v2"}, "false"),
        ({"ids": "5,x"}, "false"),
        ({"filter": "year = 2024"}, "year = 2024"),
        ({"filter": "year = 2024.5"}, "false"),
        ({"filter": "year = 2024 OR lat > 52 AND NOT lon < 1"},
         "year = 2024 OR lat > 52 AND NOT lon < 1"),
        ({"filter": "(year = 2024 OR lat > 52) AND lon < 1"},
         "(year = 2024 OR lat > 52) AND lon < 1"),
        ({"filter": "lat BETWEEN 51 AND 52"}, "lat BETWEEN 51 AND 52"),
        ({"filter": "year IN (2021, 2023)"}, "year IN (2021, 2023)"),
        ({"filter": "lat IN (52.05, 52.15)"}, "lat IN (52.05, 52.15)"),
        ({"filter": "id IN ()"}, "false"),
        ({"filter": "dataset LIKE 'v_' AND year = 2021"}, "dataset LIKE 'v_' AND year = 2021"),
        ({"filter": "dataset = 'a\\'' OR 1=1 --'"}, "false"),
        ({"filter": "dataset <> '\\'"}, "true"),
        ({"filter": "CASEI(dataset) = CASEI('V1') AND year = 2022"}, "year = 2022"),
        ({"filter": "ACCENTI(dataset) = ACCENTI('v\u0301\u0301') OR year = 2023"}, "year = 2023"),
        ({"filter": "verified IS NULL"}, "verified IS NULL"),
        ({"filter": "unsound_stores IS NOT NULL"}, "unsound_stores IS NOT NULL"),
        ({"filter": "year % 2 = 1"}, "year % 2 = 1"),
        ({"filter": "year / 2 = 1010.5"}, "year = 2021"),
        ({"filter": "year div 2 = 1011"}, "year IN (2022, 2023)"),
        ({"filter": "(lat - 52) ^ 2 < 0.25"}, "power(lat - 52, 2) < 0.25"),
        ({"filter": "lat + lon > 53 AND lat * 2 < 105"}, "lat + lon > 53 AND lat * 2 < 105"),
        ({"filter": "lat > lon"}, "lat > lon"),
        ({"filter": "A_CONTAINS(stores, ('s3', 'scaleway'))"}, "stores @> '{s3,scaleway}'"),
        ({"filter": "A_CONTAINS(stores, ())"}, "true"),
        ({"filter": "A_OVERLAPS(stores, ('s3', 'scaleway'))"}, "stores && '{s3,scaleway}'"),
        ({"filter": "A_CONTAINEDBY(stores, ('okavango', 's3'))"}, "stores <@ '{okavango,s3}'"),
        ({"filter": "A_EQUALS(stores, ('s3', 'okavango'))"}, "stores = '{okavango,s3}'"),
        ({"filter": "NOT A_OVERLAPS(stores, ('scaleway'))"}, "NOT 'scaleway' = ANY (stores)"),
        ({"filter": "S_INTERSECTS(geom, BBOX(0, 51, 1, 52))"},
         f"ST_Intersects(geom, {SQL_BOX.format('0,51,1,52')})"),
        ({"filter": "S_WITHIN(geometry, BBOX(0, 51, 1, 52))"},
         f"ST_Within(geom, {SQL_BOX.format('0,51,1,52')})"),
        ({"filter": "S_CONTAINS(POLYGON((0 51, 1 51, 1 52, 0 51)), geom)"},
         "ST_Within(geom, 'SRID=4326;POLYGON((0 51, 1 51, 1 52, 0 51))')"),
        ({"filter": "S_DISJOINT(geom, POINT(0.1 51.5))"},
         "NOT ST_Intersects(geom, 'SRID=4326;POINT(0.1 51.5)')"),
        ({"filter": "S_CROSSES(geom, LINESTRING(0 51, 1 52))"},
         "ST_Crosses(geom, 'SRID=4326;LINESTRING(0 51, 1 52)')"),
        ({"filter": "verified > TIMESTAMP('2025-01-01T00:00:00Z')"}, "verified > '2025-01-01'"),
        ({"filter": "verified < '2025-01-01'"}, "verified < '2025-01-01'"),
        ({"filter": "T_AFTER(embeddings_mtime, DATE('2024-06-01'))"},
         "embeddings_mtime >= '2024-06-02'"),
        ({"filter": "T_DURING(embeddings_mtime, INTERVAL('2023-01-01', '2023-06-30'))"},
         "embeddings_mtime > '2023-01-01' AND embeddings_mtime < '2023-06-30'"),
        ({"filter": "T_INTERSECTS(verified, INTERVAL('..', '2024-06-01T12:00:00Z'))"},
         "verified <= '2024-06-01 12:00'"),
        ({"filter": json.dumps({"op": "=", "args": [{"property": "year"}, 2022]}),
          "filter-lang": "cql2-json"}, "year = 2022"),
        ({"filter": "lat > 52", "bbox": "0,51,1,53", "year": "2021"},
         f"lat > 52 AND year = 2021 AND ST_Intersects(geom, {SQL_BOX.format('0,51,1,53')})"),
    ],
)  # fmt: skip
def test_counts_are_those_of_sql(
    api: httpx.Client, catalogue: Catalogue, parameters: dict[str, str], where: str
) -> None:
    assert matched(api, **parameters) == count(catalogue, where)


def test_a_plus_sign_in_a_filter(api: httpx.Client, catalogue: Catalogue) -> None:
    answer = api.get(f"{ITEMS}?limit=1&filter=lat+%3E+50+2+OR+lat+2%3E54".replace("+2", "%2B2"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["numberMatched"] == count(catalogue, "lat > 50 + 2 OR lat + 2 > 54")


def test_some_are_passed_over(api: httpx.Client) -> None:
    whole = api.get(ITEMS, params={"limit": 30, "filter": "lat > 51"}).json()
    half = api.get(ITEMS, params={"limit": 10, "filter": "lat > 51", "offset": 10}).json()
    rest = api.get(links(half)["next"]).json()
    assert half["features"] + rest["features"] == whole["features"][10:]
    assert rest["numberMatched"] == whole["numberMatched"]


def test_the_last_page(api: httpx.Client) -> None:
    page = api.get(ITEMS, params={"limit": 5, "year": 2024, "offset": matched(api, year=2024) - 5})
    assert page.json()["numberReturned"] == 5
    assert "next" not in links(page.json())


def test_ids(api: httpx.Client) -> None:
    first, _, third = (f["id"] for f in api.get(ITEMS, params={"limit": 3}).json()["features"])
    page = api.get(ITEMS, params={"ids": f"{third},{first}"}).json()
    assert [feature["id"] for feature in page["features"]] == [first, third]


def test_properties_that_are_sent(api: httpx.Client) -> None:
    (feature,) = api.get(ITEMS, params={"limit": 1, "properties": "lat, year"}).json()["features"]
    assert set(feature["properties"]) == {"lat", "year"}
    (feature,) = api.get(ITEMS, params={"limit": 1, "properties": ""}).json()["features"]
    assert feature["properties"] == {}


def test_tables_of_csv(api: httpx.Client) -> None:
    answer = api.get(ITEMS, params={"f": "csv", "limit": 2, "year": 2022})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    page = api.get(ITEMS, params={"limit": 2, "year": 2022}).json()
    assert [int(row["id"]) for row in rows] == [feature["id"] for feature in page["features"]]
    first = page["features"][0]["properties"]
    assert json.loads(rows[0]["stores"]) == first["stores"]
    assert rows[0]["embeddings_mtime"] == first["embeddings_mtime"]
    assert rows[0]["geometry"].startswith("POLYGON((")
    following = httpx.Response(200, headers=answer.headers).links["next"]["url"]
    assert "f=csv" in following
    assert api.get(following).text != answer.text
    none = api.get(ITEMS, params={"f": "csv", "year": 1999})
    assert none.text.startswith("id,dataset,year")
    assert len(none.text.splitlines()) == 1


def test_sequences_of_features(api: httpx.Client) -> None:
    answer = api.get(ITEMS, params={"f": "geojsonseq", "limit": 3})
    assert answer.headers["content-type"] == "application/geo+json-seq"
    texts = answer.text.split("\x1e")[1:]
    assert [json.loads(text)["type"] for text in texts] == ["Feature"] * 3


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
        ({"after": "x"}, "after"),
        ({"after": 10**30}, "after"),
        ({"after": 5, "sortby": "-lat"}, "sortby"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "a,b,c,d"}, "bbox"),
        ({"bbox": "nan,0,1,1"}, "bbox"),
        ({"bbox": "0,2,1,1"}, "bbox"),
        ({"bbox": ""}, "bbox"),
        ({"datetime": "tomorrow"}, "tomorrow"),
        ({"datetime": "2023-01-01/2022-01-01"}, "before"),
        ({"datetime": "../.."}, "open"),
        ({"sortby": "nothing"}, "nothing"),
        ({"sortby": "--year"}, "--year"),
        ({"sortby": "stores"}, "stores"),
        ({"sortby": "year; DROP TABLE x"}, "sortby"),
        ({"properties": "year,embeddings_sha256"}, "embeddings_sha256"),
        ({"f": "html"}, "f:"),
        ({"crs": "http://www.opengis.net/def/crs/EPSG/0/3857"}, "crs"),
        ({"yaer": 2024}, "yaer"),
        ({"year": "many"}, "many"),
        ({"year": ["2021", "2022"]}, "year"),
        ({"stores": "s3"}, "array"),
        ({"embeddings_sha256": "x"}, "embeddings_sha256"),
        ({"filter": "year ="}, "CQL2"),
        ({"filter": "{", "filter-lang": "cql2-json"}, "JSON"),
        ({"filter": "year = 1", "filter-lang": "sql"}, "filter-lang"),
        ({"filter": "year = 1", "filter-crs": "EPSG:3857"}, "filter-crs"),
        ({"filter": "floors > 3"}, "floors"),
        ({"filter": "embeddings_sha256 IS NULL"}, "embeddings_sha256"),
        ({"filter": "ctid IS NULL"}, "ctid"),
        ({"filter": "dataset > 3"}, "compares"),
        ({"filter": "stores = 's3'"}, "array"),
        ({"filter": "A_CONTAINS(year, ('a'))"}, "A_CONTAINS"),
        ({"filter": "verified > DATE('2025-02-30')"}, "calendar"),
        ({"filter": "1 / (year - 2021) > 0"}, "zero"),
        ({"filter": "year % 0 = 1"}, "zero"),
        ({"filter": "lat ^ 1000 > 1"}, "range"),
        ({"filter": "(0 - lat) ^ 0.5 > 1"}, "power"),
        ({"filter": "S_INTERSECTS(geom, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))"}, "valid"),
        ({"filter": "S_INTERSECTS(year, POINT(0 0))"}, "year"),
        ({"filter": "(" * 2500 + "year = 1" + ")" * 2500}, "nests"),
        ({"filter": "NOT " * 5000 + "year = 1"}, "negations"),
        ({"filter": "pg_sleep(5) = 3"}, "pg_sleep"),
        ({"filter": "query_to_xml('SELECT 1', TRUE, TRUE, '') = 'x'"}, "query_to_xml"),
        ({"filter": "year = pg_backend_pid()"}, "pg_backend_pid"),
        ({"filter": "float8(year) = 3"}, "float8"),
        ({"filter": "string_to_array(dataset, ',') = 3"}, "string_to_array"),
        ({"filter": "A_CONTAINS(stores, pg_ls_dir('.'))"}, "A_CONTAINS"),
        ({"filter": "S_INTERSECTS(geom, ST_Buffer(geom, 1))"}, "ST_Buffer"),
    ],
)
def test_what_cannot_be_answered(api: httpx.Client, parameters: dict[str, Any], word: str) -> None:
    assert word.lower() in refusal(api, **parameters).lower()


COLUMNS = {
    "id": Kind.NUMBER, "dataset": Kind.TEXT, "year": Kind.NUMBER, "lat": Kind.NUMBER,
    "lon": Kind.NUMBER, "verified": Kind.TIME, "stores": Kind.ARRAY, "geom": Kind.GEOMETRY,
}  # fmt: skip
"""Columns of `tessera.tile`."""


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("year = 2024", {2024}),
        ("year IN (2021, 2023)", {2021, 2023}),
        ("year >= 2022 AND year <= 2023 AND lat > 52", {2022, 2023}),
    ],
)
def test_other_years_are_not_read(catalogue: Catalogue, text: str, years: set[int]) -> None:
    where = condition(parse(text), Columns(COLUMNS)).to_sql()
    plan = told(catalogue, f"EXPLAIN (FORMAT json) SELECT FROM tessera.tile WHERE {where}")
    read = re.findall(r"'Relation Name': '(\w+)'", str(plan))
    assert {int(name[-4:]) for name in read} == years


operands = st.one_of(
    st.sampled_from([*COLUMNS, "unsound_stores", "geometry", "x"]).map(lambda n: {"property": n}),
    numbers, texts, geometries, moments, st.lists(texts, max_size=2), st.booleans(),
)  # fmt: skip
trees = st.recursive(
    operands,
    lambda inner: st.builds(
        lambda op, args: {"op": op, "args": args},
        st.sampled_from(OPERATORS),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@thorough
@given(tree=trees)
def test_whatever_is_filtered_by(api: httpx.Client, tree: Any) -> None:
    given = {"filter": json.dumps(tree), "filter-lang": "cql2-json", "limit": 1}
    check(api.get(ITEMS, params=given), tree)


NAMES = {
    "tessera:lat": "lat", "tessera:lon": "lon", "tessera:year": "year",
    "tessera:store_count": "store_count", "x": "scales_size",
    "datetime": "verified", "end_datetime": "verified", "created": "embeddings_mtime",
    "updated": "scales_mtime", "tessera:verified": "verified", "z": "scales_mtime",
    "tessera:stores": "stores", "tessera:missing_stores": "unsound_stores", "w": "unsound_stores",
    "geometry": "geom",
}  # fmt: skip
"""Columns of the kinds of an item's properties; the others are texts."""


def of_columns(node: Any) -> Any:
    """A filter of items as one of the table, which has no booleans."""
    if isinstance(node, list):
        return [of_columns(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("property") in ("tessera:in_s3", "v"):
        return {"op": "isNull", "args": [{"property": "verified"}]}
    if "property" in node:
        return {"property": NAMES.get(node["property"], "dataset")}
    return {key: of_columns(value) for key, value in node.items()}


@thorough
@given(tree=sound)
def test_sound_filters_are_answered(api: httpx.Client, tree: Any) -> None:
    given = {"filter": json.dumps(of_columns(tree)), "filter-lang": "cql2-json", "limit": 1}
    answer = api.get(ITEMS, params=given)
    check(answer, given)
    if answer.status_code == 400:
        # All that is wrong with these: numbers, and boxes that are no area.
        allowed = ("range of numbers", "divides by zero", "power", "not valid", "backslash")
        assert any(word in answer.text for word in allowed), f"{given}: {answer.text}"


@thorough
@given(text=st.text("'\\\"$;-%_ aE\n\u2028", max_size=8))
def test_texts_stay_texts(api: httpx.Client, text: str) -> None:
    tree = {"op": "<>", "args": [{"property": "dataset"}, text]}
    assert matched(api, filter=json.dumps(tree)) == matched(api)


@thorough
@given(parameters=st.dictionaries(
    st.sampled_from(["ids", "bbox", "datetime", "properties", "sortby", "offset", "after", "f",
                     "year", "verified", "dataset", "filter", "filter-lang"]),
    st.one_of(st.text(max_size=20), texts, st.sampled_from(["1", "0,0,1,1", "csv", "-id"])),
    max_size=4,
))  # fmt: skip
def test_whatever_parameters(api: httpx.Client, parameters: dict[str, str]) -> None:
    check(api.get(ITEMS, params=parameters), parameters)


def test_the_rest_of_http(api: httpx.Client) -> None:
    answer = api.get(ITEMS, params={"limit": 100}, headers={"Origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-encoding"] == "gzip"
    tag = answer.headers["etag"]
    again = api.get(ITEMS, params={"limit": 100}, headers={"If-None-Match": tag})
    assert again.status_code == 304
    head = api.head(ITEMS, params={"limit": 100})
    assert (head.status_code, head.content) == (200, b"")


def test_a_catalogue_that_is_empty_and_then_is_not(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    with running(migrated_pg_env) as address, httpx.Client(base_url=address) as client:
        assert client.get("/features/collections").is_success
        assert "temporal" not in client.get(TILE).json()["extent"]
        for f in ("geojson", "csv", "geojsonseq"):
            assert client.get(ITEMS, params={"f": f}).is_success
        assert matched(client) == matched(client, year=2021) == 0
        load_rows(migrated_database, tmp_path, [row(2021, 5, 5205)])
        assert matched(client) == matched(client, year=2021) == 1
        assert client.get(TILE).json()["extent"]["spatial"]["bbox"] == [[0, 52, 1, 53]]


def test_a_database_without_a_catalogue(pg_env: dict[str, str]) -> None:
    with running(pg_env) as address:
        for path in ("/features/collections", ITEMS, f"{ITEMS}/1"):
            answer = httpx.get(f"{address}{path}")
            assert answer.status_code == 503
            assert set(answer.json()) == {"code", "description"}


def test_geopandas_reads_it_through_gdal(api_address: str, catalogue: Catalogue) -> None:
    tiles = geopandas.read_file(
        f"OAPIF:{api_address}/features", layer="tessera.tile", where="year = 2024 AND lat > 52"
    )
    assert len(tiles) == count(catalogue, "year = 2024 AND lat > 52")
    assert tiles.crs.to_epsg() == 4326
    squares = geopandas.read_file(
        f"OAPIF:{api_address}/features", layer="tessera.coverage", bbox=(0.1, 51.1, 0.9, 51.9)
    )
    expected = told(
        catalogue, "SELECT count(*) FROM tessera.coverage WHERE west = 0 AND south = 51"
    )
    assert len(squares) == expected
