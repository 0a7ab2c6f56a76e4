"""Every operator of CQL2, in text and JSON, finds of our items what SQL finds."""

from __future__ import annotations

from typing import Any

import cql2
import httpx
import psycopg
import pytest
from api_server import Catalogue, all_ids

POLYGON = "POLYGON((-0.3 51.2, 1.1 51.3, 0.8 52.9, -0.5 52.4, -0.3 51.2))"
EDGE = "POLYGON((0.0 52.0, 0.1 52.0, 0.1 52.1, 0.0 52.1, 0.0 52.0))"

FILTERS = {
    # basic-cql2
    '"tessera:lat" = 52.05': "lat = 52.05",
    '"tessera:lat" <> 52.05': "lat <> 52.05",
    '"tessera:lat" < 51': "lat < 51",
    '"tessera:lat" <= 50.85': "lat <= 50.85",
    '52.95 < "tessera:lat"': "lat > 52.95",
    '"tessera:lat" >= 53': "lat >= 53",
    '"tessera:lat" >= \'53\'': "lat >= 53",
    '"properties.tessera:lat" >= 53': "lat >= 53",
    '"tessera:year" = 2021': "year = 2021",
    '"tessera:year" < 2022.5': "year < 2022.5",
    '"tessera:year" = 2021.5': "false",
    '"tessera:year" > -1e3': "true",
    '"tessera:year" < 3e9 AND "tessera:lat" > 53 OR "tessera:store_count" = 1e20': "lat > 53",
    "id = '2021_grid_0.05_52.05'": "id = '2021_grid_0.05_52.05'",
    "collection = 'geotessera-2022' AND \"tessera:lon\" > 1": "year = 2022 AND lon > 1",
    "\"tessera:lat\" > 53 OR \"tessera:lon\" < -1.5 AND NOT \"tessera:year\" = 2021": (
        "lat > 53 OR lon < -1.5 AND NOT year = 2021"
    ),
    "NOT (\"tessera:lat\" > 51)": "NOT lat > 51",
    "\"tessera:verified\" IS NULL": "verified IS NULL",
    "\"tessera:verified\" IS NOT NULL": "verified IS NOT NULL",
    "\"tessera:stores\" IS NULL": "false",
    "geometry IS NOT NULL AND datetime IS NOT NULL": "true",
    '"tessera:in_s3"': "in_s3",
    'NOT "tessera:in_s3"': "NOT in_s3",
    '"tessera:in_s3" = TRUE AND "tessera:lat" > 52': "in_s3 AND lat > 52",
    '"tessera:in_s3" <> FALSE': "in_s3",
    '"tessera:in_s3" = "tessera:in_scaleway"': "in_s3 = ('scaleway' = ANY (stores))",
    '"assets.embeddings.file:size" > 154900000': "size > 154900000",
    'assets.embeddings_scales.file:size <= 4840781': "scales_size <= 4840781",
    '"assets.embeddings.file:size" BETWEEN 154e6 AND 155e6 AND gsd = 10': (
        "size BETWEEN 154e6 AND 155e6 AND gsd = 10"
    ),
    "\"assets.embeddings.file:checksum\" LIKE '1220a%'": "checksum LIKE '1220a%'",
    "start_datetime < DATE('2022-06-01')": "year <= 2022",
    "TRUE": "true",
    "FALSE OR \"tessera:lat\" > 53": "lat > 53",
    "title = 'it''s'": "false",
    # times
    "created > TIMESTAMP('2023-06-15T00:00:00Z')": "created > '2023-06-15T00:00:00Z'",
    "updated >= DATE('2023-06-03')": "updated >= '2023-06-03T00:00:00Z'",
    "updated = DATE('2022-06-03')": "updated = '2022-06-03T00:00:00Z'",
    "updated < '2023-06-03'": "updated < '2023-06-03T00:00:00Z'",
    "updated IN (TIMESTAMP('2023-06-03T00:00:00Z'), DATE('2023-07-03'))": (
        "updated IN ('2023-06-03T00:00:00Z', '2023-07-03T00:00:00Z')"
    ),
    "datetime > TIMESTAMP('2021-06-01T00:00:00.000Z')": "year > 2021",
    "datetime = DATE('2022-01-01')": "year = 2022",
    "end_datetime < DATE('2023-01-01')": "year < 2023",
    "created BETWEEN DATE('2022-03-01') AND TIMESTAMP('2022-05-02T03:04:05Z')": (
        "created BETWEEN '2022-03-01T00:00:00Z' AND '2022-05-02T03:04:05Z'"
    ),
    # advanced-comparison-operators
    "\"grid:code\" LIKE 'TESSERA-%0.05\\_5_.05'": "code LIKE 'TESSERA-%0.05\\_5_.05'",
    "\"grid:code\" = 'TESSERA-grid_0.05_52.05'": "code = 'TESSERA-grid_0.05_52.05'",
    "\"grid:code\" IN ('TESSERA-grid_0.05_52.05', 'x') OR \"tessera:lat\" > 53.5": (
        "code = 'TESSERA-grid_0.05_52.05' OR lat > 53.5"
    ),
    "\"grid:code\" BETWEEN 'TESSERA-grid_0.' AND 'TESSERA-grid_0.3'": (
        "code BETWEEN 'TESSERA-grid_0.' AND 'TESSERA-grid_0.3'"
    ),
    "\"grid:code\" IS NOT NULL AND \"tessera:lat\" > 53.5": "lat > 53.5",
    "\"grid:code\" <> title AND \"tessera:lat\" > 53.5 OR \"grid:code\" = id": "lat > 53.5",
    "\"grid:code\" NOT LIKE '%-0.%\\_5%'": "code NOT LIKE '%-0.%\\_5%'",
    "id LIKE '2022\\_%5'": "id LIKE '2022\\_%5'",
    '"tessera:lat" BETWEEN 51 AND 52': "lat BETWEEN 51 AND 52",
    '"tessera:lat" NOT BETWEEN 51 AND 52': "lat NOT BETWEEN 51 AND 52",
    '"tessera:year" BETWEEN 2021.5 AND 2022.5': "year = 2022",
    '"tessera:lat" IN (51.05, 51.15, 99)': "lat IN (51.05, 51.15)",
    '"tessera:store_count" NOT IN (1,3)': "copies NOT IN (1, 3)",
    '"tessera:year" IN (2021, 2021.5)': "year = 2021",
    "id IN ('2021_grid_0.05_52.05', 'x')": "id = '2021_grid_0.05_52.05'",
    # case and accents
    "CASEI(\"grid:code\") LIKE CASEI('tessera-%0.0%')": "code LIKE 'TESSERA-%0.0%'",
    "CASEI(\"tessera:dataset\") = 'V1' AND \"tessera:lat\" > 53": "lat > 53",
    "CASEI(id) IN (CASEI('2021_GRID_0.05_52.05'), 'X')": "id = '2021_grid_0.05_52.05'",
    "ACCENTI(\"tessera:dataset\") = ACCENTI('v1') AND \"tessera:lat\" > 53": "lat > 53",
    "CASEI(ACCENTI(\"tessera:dataset\")) = 'V́1'": "true",
    # property-property
    '"tessera:lat" < "tessera:lon"': "lat < lon",
    '"tessera:year" > "tessera:lon"': "year > lon",
    '"tessera:store_count" = "tessera:lon" + 1.95': "copies = lon + 1.95",
    "created = updated": "false",
    "created > end_datetime": "true",
    "datetime < end_datetime": "true",
    "id = collection": "false",
    "title <> \"grid:code\"": "true",
    # arithmetic
    '"tessera:lat" + 1 > 53': "lat + 1 > 53",
    '2 * ("tessera:lat" - "tessera:lon") > 103': "2 * (lat - lon) > 103",
    '"tessera:lat" - ("tessera:lon" - 1) > 53': "lat - (lon - 1) > 53",
    '"tessera:year" / 1000 > 2.0215': "year / 1000 > 2.0215",
    '"tessera:year" / ("tessera:store_count" - 2) > 0': "copies > 2",
    '"tessera:year" % 2 = 0': "year IN (2022, 2024)",
    '"tessera:year" % 0 = 0': "false",
    '"tessera:year" div 2 = 1011': "year IN (2022, 2023)",
    '2 ^ "tessera:store_count" = 8': "copies = 3",
    '"tessera:lon" ^ 0.5 > 1': "lon > 1",
    '("tessera:year" - 2021) ^ -1 = 1': "year = 2022",
    '"tessera:lon" < ( - (1))': "lon < -1",
    '-"tessera:lon" > 1.5': "lon < -1.5",
    '"tessera:lat" BETWEEN 50 + 1 AND 2 * 26': "lat BETWEEN 51 AND 52",
    '"tessera:lon" + 2.5 IN (2.55, 2.45)': "lon + 2.5 IN (2.55, 2.45)",
    '"tessera:lat" + 1 > 53 AND 2 * "tessera:lon" IN (0.1, 0.3)': (
        "lat + 1 > 53 AND 2 * lon IN (0.1, 0.3)"
    ),
    'NOT ("tessera:lat" + 1 BETWEEN 52 AND 53) OR 1 + 1 = 2.5': "NOT lat + 1 BETWEEN 52 AND 53",
    '"tessera:year" + 0.5 > 2022 AND "tessera:store_count" * 0.5 > 1.2': (
        "year >= 2022 AND copies > 2"
    ),
    '1 < 2 AND 0.5 = 0.5 AND \'a\' = \'a\'': "true",
    # properties that no item has: null, of any kind
    "floors > 5": "false",
    "NOT floors > 5 OR swimming_pool": "false",
    "floors IS NULL AND \"tessera:lat\" > 53": "lat > 53",
    "floors + 1 > \"tessera:lat\" OR floors = \"tessera:year\"": "false",
    "floors < created OR floors > DATE('2020-01-01') OR created = floors": "false",
    "owner LIKE 'Mike%' OR CASEI(owner) = 'mike' OR owner IN ('x', 'y')": "false",
    "T_AFTER(built, DATE('2012-06-05')) OR T_DURING(INTERVAL(a, b), DATE('2020-01-01'))": "false",
    "A_CONTAINS(values, ('a')) OR A_OVERLAPS(\"tessera:stores\", values)": "false",
    "\"eo:cloud_cover\" BETWEEN 0 AND 50 OR x IN (1, 2.5) OR y = TRUE OR a = b": "false",
    # spatial
    f"S_INTERSECTS(geometry, {POLYGON})": f"ST_Intersects(geometry, 'SRID=4326;{POLYGON}')",
    f"S_WITHIN(geometry, {POLYGON})": f"ST_Within(geometry, 'SRID=4326;{POLYGON}')",
    f"S_CONTAINS({POLYGON}, geometry)": f"ST_Within(geometry, 'SRID=4326;{POLYGON}')",
    f"S_DISJOINT(geometry, {POLYGON})": f"NOT ST_Intersects(geometry, 'SRID=4326;{POLYGON}')",
    f"S_OVERLAPS(geometry, {POLYGON})": f"ST_Overlaps(geometry, 'SRID=4326;{POLYGON}')",
    f"S_EQUALS({EDGE}, geometry)": "lon = 0.05 AND lat = 52.05",
    f"S_TOUCHES(geometry, {EDGE})": f"ST_Touches(geometry, 'SRID=4326;{EDGE}')",
    "S_CROSSES(geometry, LINESTRING(0 50, 1.01 52.02))": (
        "ST_Crosses(geometry, 'SRID=4326;LINESTRING(0 50, 1.01 52.02)')"
    ),
    "S_CONTAINS(geometry, POINT(0.51 52.51))": (
        "ST_Contains(geometry, 'SRID=4326;POINT(0.51 52.51)')"
    ),
    "S_INTERSECTS(geometry, MULTIPOINT((0.51 52.51), (1.01 51.01)))": (
        "ST_Intersects(geometry, 'SRID=4326;MULTIPOINT((0.51 52.51), (1.01 51.01))')"
    ),
    "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(0.51 52.51), LINESTRING(0 50, 1 51)))": (
        "ST_Intersects(geometry, "
        "'SRID=4326;GEOMETRYCOLLECTION(POINT(0.51 52.51), LINESTRING(0 50, 1 51))')"
    ),
    "S_INTERSECTS(geometry, BBOX(0,52,1,53)) AND \"tessera:year\" = 2021": (
        "ST_Intersects(geometry, ST_MakeEnvelope(0,52,1,53,4326)) AND year = 2021"
    ),
    "S_INTERSECTS(geometry, BBOX(179.95,-90,-179.95,90))": "abs(lon) > 179",
    "S_INTERSECTS(geometry, POINT Z (0.51 52.51 100))": (
        "ST_Intersects(geometry, 'SRID=4326;POINT(0.51 52.51)')"
    ),
    # temporal: datetime is the item's interval
    "T_INTERSECTS(datetime, INTERVAL('2021-06-01', '2022-06-01'))": "year IN (2021, 2022)",
    "T_INTERSECTS(datetime, DATE('2021-12-31'))": "year = 2021",
    "T_AFTER(datetime, DATE('2021-06-01'))": "year > 2021",
    "T_BEFORE(datetime, TIMESTAMP('2022-06-01T00:00:00Z'))": "year < 2022",
    "T_DURING(datetime, INTERVAL('2021-12-31', '2023-01-01'))": "year = 2022",
    "T_CONTAINS(datetime, DATE('2022-06-01'))": "year = 2022",
    "T_DISJOINT(datetime, INTERVAL('2022-06-01', '..'))": "year < 2022",
    "T_EQUALS(datetime, INTERVAL('2022-01-01T00:00:00Z', '2022-12-31T23:59:59Z'))": "year = 2022",
    "T_STARTS(datetime, INTERVAL('2022-01-01T00:00:00Z', '..'))": "year = 2022",
    "T_STARTEDBY(datetime, INTERVAL('2022-01-01T00:00:00Z', '2022-02-01T00:00:00Z'))": (
        "year = 2022"
    ),
    "T_FINISHES(datetime, INTERVAL('..', '2022-12-31T23:59:59Z'))": "year = 2022",
    "T_FINISHEDBY(datetime, INTERVAL('2022-06-01T00:00:00Z', '2022-12-31T23:59:59Z'))": (
        "year = 2022"
    ),
    "T_MEETS(datetime, INTERVAL('2022-12-31T23:59:59Z', '..'))": "year = 2022",
    "T_METBY(datetime, INTERVAL('..', '2022-01-01T00:00:00Z'))": "year = 2022",
    "T_OVERLAPS(datetime, INTERVAL('2022-06-01', '2023-06-01'))": "year = 2022",
    "T_OVERLAPPEDBY(datetime, INTERVAL('2021-06-01', '2022-06-01'))": "year = 2022",
    "T_AFTER(\"tessera:verified\", created)": "verified > created",
    "T_DURING(created, INTERVAL('2022-01-15', '2022-04-15'))": (
        "created > '2022-01-15' AND created < '2022-04-16'"
    ),
    "T_EQUALS(updated, DATE('2022-03-03'))": "false",
    "T_INTERSECTS(updated, DATE('2022-03-03'))": "updated::date = '2022-03-03'",
    "T_INTERSECTS(INTERVAL(created, \"tessera:verified\"), INTERVAL('2023-05-01', '..'))": (
        "verified >= '2023-05-01'"
    ),
    # arrays, as sets
    "A_CONTAINS(\"tessera:stores\", ('scaleway'))": "'scaleway' = ANY (stores)",
    "A_CONTAINS(\"tessera:stores\", ('scaleway', 's3'))": "stores @> '{s3,scaleway}'",
    "A_CONTAINEDBY(\"tessera:missing_stores\", ('s3'))": "missing <@ '{s3}'",
    "a_contained_by(\"tessera:stores\", ('s3', 'okavango'))": "stores <@ '{okavango,s3}'",
    "A_EQUALS(\"tessera:stores\", ('s3', 'okavango'))": "stores = '{okavango,s3}'",
    "A_EQUALS(('s3', 's3'), \"tessera:missing_stores\")": "missing = '{s3}'",
    "A_OVERLAPS(\"tessera:missing_stores\", ('scaleway', 's3'))": "missing && '{s3,scaleway}'",
    "NOT A_OVERLAPS(\"tessera:stores\", ('scaleway'))": "NOT stores && '{scaleway}'",
    "A_OVERLAPS(\"tessera:stores\", \"tessera:missing_stores\")": "false",
}  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_text_and_json_find_what_sql_finds(
    api: httpx.Client, catalogue: Catalogue, text: str
) -> None:
    expected = catalogue.ids(FILTERS[text])
    found = all_ids(api, "/search", filter=text, fields="id", limit=10_000)
    assert set(found) == expected
    body = {
        "filter": cql2.parse_text(text).to_json(),
        "limit": 10_000,
        "fields": {"include": ["id"]},
    }
    answer = api.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    assert {item["id"] for item in answer.json()["features"]} == expected


def test_the_filters_are_worth_asking() -> None:
    """The items tell right answers from wrong ones: most filters find some and not all."""
    trivial = [where for where in FILTERS.values() if where in ("true", "false")]
    assert len(trivial) < len(FILTERS) / 5


def test_expected_answers_are_not_all_empty(catalogue: Catalogue) -> None:
    empty = [w for w in set(FILTERS.values()) if w != "false" and not catalogue.ids(w)]
    assert not empty


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("\"tessera:lat\" IN ()", "false"),
        ("\"tessera:lat\" NOT IN ()", "true"),
        ("A_EQUALS(\"tessera:missing_stores\", ())", "missing = '{}'"),
        ("A_CONTAINEDBY(\"tessera:missing_stores\", ())", "missing = '{}'"),
        ("A_CONTAINS(\"tessera:missing_stores\", ())", "true"),
        ("A_OVERLAPS(\"tessera:missing_stores\", ())", "false"),
        ("\"tessera:in_s3\" IS TRUE", "in_s3"),
        ("\"tessera:in_s3\" IS NOT TRUE AND \"tessera:lat\" > 52", "NOT in_s3 AND lat > 52"),
    ],
)  # fmt: skip
def test_what_cql2_text_has_no_word_for(
    api: httpx.Client, catalogue: Catalogue, text: str, where: str
) -> None:
    assert set(all_ids(api, "/search", filter=text, limit=10_000)) == catalogue.ids(where)


def test_literal_plus_signs(api: httpx.Client, catalogue: Catalogue) -> None:
    path = "/collections/geotessera-2021/items?limit=10000&filter-lang=cql2-text&filter="
    for text in ('(("tessera:lat" + 1) > 53)', '(("tessera:lat"%20%2B%201) > 53)'):
        answer = api.get(path + text.replace(" ", "%20").replace('"', "%22"))
        expected = catalogue.ids("lat + 1 > 53 AND year = 2021")
        assert {item["id"] for item in answer.json()["features"]} == expected
    # pystac-client's plus signs are spaces.
    answer = api.get(path + "%22tessera:lat%22+>+53+AND+%22tessera:lon%22+BETWEEN+0+AND+1")
    expected = catalogue.ids("lat > 53 AND lon BETWEEN 0 AND 1 AND year = 2021")
    assert {item["id"] for item in answer.json()["features"]} == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("avg(\"tessera:lat\") > 5", "avg"),
        ("Foo(geometry) = TRUE", "Foo"),
        ("tessera:lta > 5", "did you mean 'tessera:lat'"),
        ("assets.embeddings.type = 'application/x-npy'", "not one of the queryables"),
        ("\"tessera:stores\" LIKE '%scaleway%'", "LIKE"),
        ("updated LIKE '2025-01-01T00:00:00Z'", "LIKE"),
        ("S_WITHIN(geometry, Buffer(geometry, 10, 'm'))", "Buffer"),
        ("S_INTERSECTS(footprint, POINT(1 2))", "footprint"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "not valid"),
        ("\"tessera:lat\" = 'north'", "north"),
        ("A_EQUALS(('a', TRUE, 1.0, 8), \"tessera:stores\")", "A_EQUALS"),
        ("\"tessera:lat\" > ", "character"),
        ("NOT " * 5000 + "\"tessera:in_s3\"", "negations"),
        ("(" * 2500 + "\"tessera:in_s3\"" + ")" * 2500, "nests"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named(api: httpx.Client, text: str, named: str) -> None:
    for answer in (
        api.get("/search", params={"filter": text}),
        api.get("/collections/geotessera-2021/items", params={"filter": text}),
        api.post("/search", json={"filter": text, "filter-lang": "cql2-text"}),
    ):
        assert answer.status_code == 400, answer.text
        problem = answer.json()
        assert set(problem) == {"code", "description"}
        assert named in problem["description"]
    assert api.get("/_mgmt/ping").status_code == 200


def test_properties_that_no_item_has_are_told(api: httpx.Client) -> None:
    text = "floors > 5 OR owner = 'x' OR \"tessera:lat\" > 53"
    answer = api.get("/search", params={"filter": text, "limit": 1}).json()
    assert len(answer["warnings"]) == 2
    assert "'floors'" in answer["warnings"][0]
    answer = api.post("/search", json={"query": {"floors": {"gt": 5}}}).json()
    assert len(answer["warnings"]) == 1
    assert "warnings" not in api.get("/search", params={"filter": "TRUE", "limit": 1}).json()


def test_a_large_filter_is_answered(api: httpx.Client, catalogue: Catalogue) -> None:
    wanted = sorted(catalogue.ids("true"))[:2000]
    body: dict[str, Any] = {"op": "in", "args": [{"property": "id"}, wanted]}
    answer = api.post("/search", json={"filter": body, "limit": 10_000})
    assert {item["id"] for item in answer.json()["features"]} == set(wanted)


def test_collections_are_filtered_too(api: httpx.Client) -> None:
    def found(text: str) -> list[str]:
        answer = api.get("/collections", params={"filter": text, "sortby": "id"})
        assert answer.status_code == 200, answer.text
        return [c["id"].removeprefix("geotessera-") for c in answer.json()["collections"]]

    assert found("id = 'geotessera-2021'") == ["2021"]
    assert found("CASEI(title) LIKE '%TESSERA%202%' AND id <> 'geotessera-2021'") == [
        "2022", "2023", "2024"
    ]  # fmt: skip
    assert found("A_CONTAINS(keywords, ('TESSERA')) AND T_AFTER(datetime, DATE('2022-12-31'))") == [
        "2023", "2024"
    ]  # fmt: skip
    refused = api.get("/collections", params={"filter": "(" * 2500 + "a" + ")" * 2500})
    assert refused.status_code == 400


def test_numbers_are_read_as_numbers(catalogue: Catalogue) -> None:
    """What the rewriter rests on: how pgSTAC reads each of our queryables."""
    with psycopg.connect(catalogue.conninfo) as connection:
        rows = connection.execute(
            "SELECT name, definition ->> 'type', "
            "pgstac.queryable_wrapper(property_wrapper, definition) FROM pgstac.queryables"
        ).fetchall()
    expected = {"integer": {"to_int"}, "number": {"to_float"}, "boolean": {"to_text"},
                "array": {"to_text_array"}, "string": {"to_text", "to_tstz"}}  # fmt: skip
    for name, kind, wrapper in rows:
        assert wrapper in expected.get(str(kind), {"to_text"}), name
