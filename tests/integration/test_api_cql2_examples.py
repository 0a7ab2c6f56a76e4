"""The examples of the OGC standard, asked of items that have the properties they name.

Each is answered as SQL answers it, in text and in JSON alike, or refused with a reason that names
what is not supported.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from api_server import Catalogue, database, running
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from tessera_local.server import Server

EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "cql2-examples"

NUMBERS = {
    "floors": (3, 4, 5, 6, 9),
    "taxes": (100, 500, 900),
    "value": (0, 0.5, 1, 2, 3, 8, 10, 15, 20, 25, 44.2),
    "foo": (0, 1, 2, 3, 4, 5),
    "bar": (0, 6.1234, 12.2468),
    "x": (1, 2),
    "balance": (100, 150, 200.5),
    "depth": (99, 100, 120, 150),
    "category": (1, 4, 5),
    "eo:cloud_cover": (0.05, 0.1, 0.15, 0.2, 0.3),
    "landsat:wrs_row": (28, 29),
    "landsat:wrs_path": (203, 153),
    "vehicle_height": (2.5, 4),
    "bridge_clearance": (3.5, 4, 5.5),
    "windSpeed": (3, 5),
}
TEXTS = {
    "owner": ("Mike Jones", "mike x", "Mikes", "Jones", "Beyoncé", "beyonce", "Beyonce",
              "SOMEBODY else", "x"),
    "material": ("brick", "brickwork", "red brick", "wood"),
    "name": ("foo", "foobar", "FOO 1", "Smithson", "bar"),
    "eo:instrument": ("OLI_TIRS", "TIRS"),
    "landsat:scene_id": ("LC82030282019133LGN00", "y"),
    "beamMode": ("ScanSAR Narrow", "z"),
    "swathDirection": ("ascending",),
    "polarization": ("HH+VV+HV+VH",),
    "road_class": ("ΟΔΟΣ", "οδος", "STRAßE", "Straße", "path"),
    "etat_vol": ("débárquér", "debarquer", "vol"),
    "geophys:SURVEY_NAME": ("North Calcutta Survey", "calcutta", "Delhi"),
    "city": ("Toronto", "Paris"),
    "cityName": ("Tokyo", "New York", "Paris"),
}  # fmt: skip
TIMES = {
    "built": ("2012-06-05T12:00:00Z", "2013-01-01T00:00:00Z", "2015-01-01T00:00:00Z",
              "2015-01-02T00:00:00Z", "2010-01-01T00:00:00Z"),
    "updated": ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    "updated_at": ("1851-04-29T00:00:00Z", "2010-02-10T12:00:00Z", "2010-02-11T00:00:00Z",
                   "2012-08-10T05:30:00Z", "2012-08-10T05:29:59Z"),
    "event_time": ("1969-07-16T05:32:00Z", "1969-07-20T00:00:00Z", "1969-08-01T00:00:00Z"),
    "touchdown": ("1969-07-16T13:32:00Z", "1969-07-20T20:17:40Z"),
    "liftOff": ("1969-07-21T17:54:00Z", "1969-07-25T00:00:00Z"),
}  # fmt: skip
SPANS = (
    ("2017-06-10T07:30:01Z", "2017-06-11T10:00:00Z"),
    ("2017-06-10T07:30:00Z", "2017-06-11T10:30:00Z"),
    ("2001-01-01T00:00:00Z", "2004-01-01T00:00:00Z"),
    ("2005-01-11T00:00:00Z", "2010-02-10T00:00:00Z"),
    ("2006-01-01T00:00:00Z", "2009-01-01T00:00:00Z"),
    ("1991-10-07T08:21:06.393262Z", "2010-02-10T05:29:20.073225Z"),
    ("1991-10-07T08:21:06.393262Z", "1992-01-01T00:00:00Z"),
    ("1993-01-01T00:00:00Z", "2010-02-10T05:29:20.073225Z"),
    ("1990-01-01T00:00:00Z", "1992-01-01T00:00:00Z"),
    ("1990-01-01T00:00:00Z", "2010-02-10T05:29:20.073225Z"),
    ("2010-02-10T23:59:59.999999Z", "2011-01-01T00:00:00Z"),
    ("1985-01-01T00:00:00Z", "2010-02-10T05:29:20.073225Z"),
    ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
    ("2003-01-01T00:00:00Z", "2006-01-01T00:00:00Z"),
)
LISTS = (["a", "b", "c"], ["a"], ["a", "b", "c", "d"], [], ["d"])
BOXES = (
    (-3.6, -1.8, -3.4, -1.7), (-5, -5, 5, 5), (-118, 33.8, -117.9, 34),
    (-117.98, 33.85, -117.95, 33.9), (1.5, 8.547371, 2, 9),
    (170, 10, 175, 20), (-179.5, 2, 179.5, 16), (36, 32, 37, 33), (43.73, -79.297, 43.8, -79.2),
    (20, 20, 60, 40), (-20, -20, -8, -8), (74, 1, 75.292574, 1.5), (100, 60, 101, 61),
)  # fmt: skip

FIRST, LAST = "'1991-10-07T08:21:06.393262Z'", "'2010-02-10T05:29:20.073225Z'"


def shape(wkt: str) -> str:
    return f"ST_GeomFromText('{wkt}', 4326)"


SLOPE = "POLYGON((-10 -10, 10 -10, 10 10, -10 -10))"
PARK = "ST_MakeEnvelope(-118, 33.8, -117.9, 34, 4326)"

ANSWERS = {
    "clause6_01": "!avg",
    "clause6_02a": "city = 'Toronto'",
    "clause6_02b": "!avg",
    "clause6_02c": "balance - 150 > 0",
    "clause6_02d": "updated >= '1970-01-01T00:00:00Z'",
    "clause6_03": "geometry IS NOT NULL",
    "clause7_01": "name LIKE 'Smith%'",
    "clause7_02": "depth BETWEEN 100 AND 150",
    "clause7_03a": "city_name IN ('Toronto', 'Frankfurt', 'Tokyo', 'New York')",
    "clause7_03b": "category NOT IN (1, 2, 3, 4)",
    "clause7_04": "upper(road_class) IN (upper('Οδος'), upper('Straße'))",
    "clause7_05": "unaccent(etat_vol) = 'debarquer'",
    "clause7_07": f"ST_Intersects(geometry, {shape('POINT(36.319836 32.288087)')})",
    "clause7_10": "!road",
    "clause7_12": "event_time BETWEEN '1969-07-16T05:32:00Z' AND '1969-07-24T16:50:35Z'",
    "clause7_13": "touchdown > '1969-07-16T13:32:00Z' AND lift_off < '1969-07-24T16:50:35Z'",
    "clause7_15": "false",
    "clause7_16": "true",
    "clause7_17": "true",
    "clause7_18": "!road",
    "clause7_19": "vehicle_height > bridge_clearance - 1",
    "example01": "scene_id = 'LC82030282019133LGN00'",
    "example02": "instrument LIKE 'OLI%'",
    "example03": "!15X",
    "example04": "cloud_cover < 0.1 AND wrs_row = 28 AND wrs_path = 203",
    "example05a": "cloud_cover = 0.1 OR cloud_cover = 0.2",
    "example05b": "cloud_cover IN (0.1, 0.2)",
    "example06a": "cloud_cover BETWEEN 0.1 AND 0.2 AND wrs_row = 28 AND wrs_path = 203",
    "example06b": "cloud_cover BETWEEN 0.1 AND 0.2 AND wrs_row = 28 AND wrs_path = 203",
    "example07": "!footprint",
    "example08": "!footprint",
    "example09": "floors > 5",
    "example10": "taxes <= 500",
    "example11": "owner LIKE '%Jones%'",
    "example12": "owner LIKE 'Mike%'",
    "example13": "owner NOT LIKE '%Mike%'",
    "example14": "swimming_pool",
    "example15": "floors > 5 AND swimming_pool",
    "example16": "swimming_pool AND (floors > 5 OR material LIKE 'brick%' "
                 "OR material LIKE '%brick')",
    "example17": "(floors > 5 AND material = 'brick') OR swimming_pool",
    "example18": "NOT floors < 5 OR swimming_pool",
    "example19": "(owner LIKE 'mike%' OR owner LIKE 'Mike%') AND floors < 4",
    "example20": "built < '2015-01-01T00:00:00Z'",
    "example21": "built >= '2012-06-06T00:00:00Z'",
    "example22": "starts_at > '2017-06-10T07:30:00Z' AND ends_at < '2017-06-11T10:30:00Z'",
    "example23": "!location",
    "example24": f"ST_Intersects(geometry, {shape(SLOPE)})",
    "example25": f"floors > 5 AND ST_Within(geometry, {PARK})",
    "example26": "upper(road_class) IN (upper('Οδος'), upper('Straße'))",
    "example27": "unaccent(etat_vol) = 'debarquer'",
    "example28": "survey ILIKE '%calcutta%'",
    "example29": "id = 'fa7e1920-9107-422d-a3db-c468cbc5d6df'",
    "example30": "id <> 'fa7e1920-9107-422d-a3db-c468cbc5d6df'",
    "example31": "value < 10",
    "example32": "value > 10",
    "example33": "value <= 10",
    "example34": "value >= 10",
    "example35": "name LIKE 'foo%'",
    "example36": "name NOT LIKE 'foo%'",
    "example37": "value BETWEEN 10 AND 20",
    "example38": "value NOT BETWEEN 10 AND 20",
    "example39": "value IN (1, 2, 3)",
    "example40": "!'a'",
    "example41": "value IS NULL",
    "example42": "value IS NOT NULL",
    "example43": "name NOT LIKE 'foo%' AND value > 10",
    "example44": "value IS NULL OR value BETWEEN 10 AND 20",
    "example45": "ST_Intersects(geometry, ST_MakeEnvelope(-128.098193, -1.1, 180, 90, 4326))",
    "example46": "!not valid",
    "example47": "NOT ST_Intersects(geometry, " + shape(
        "MULTIPOLYGON(((144.022387 45.176126, -1.1 0, 180 47.808086, 144.022387 45.176126)))"
    ) + ")",
    "example48": "ST_Touches(geometry, " + shape(
        "MULTILINESTRING((-1.9 -0.99999, 75.292574 1.5, -0.5 -4.016458, -31.708594 -74.743801, "
        "179 -90), (-1.9 -1.1, 1.5 8.547371))") + ")",
    "example49": "!not valid",
    "example50": "ST_Overlaps(geometry, ST_MakeEnvelope(-179.912109, 1.9, 180, 16.897016, 4326))",
    "example51": "ST_Crosses(geometry, " + shape(
        "LINESTRING(172.03086 1.5, 1.1 -90, -159.757695 0.99999, -180 0.5, -12.111235 81.336403, "
        "-0.5 64.43958, 0 81.991815, -155.93831 90)") + ")",
    "example52": f"ST_Contains(geometry, {shape('POINT(-3.508362 -1.754181)')})",
    "example53": "updated_at >= '2010-02-11T00:00:00Z'",
    "example54": "updated_at < '2012-08-10T05:30:00Z'",
    "example55": "starts_at > '2000-01-01T00:00:00Z' AND ends_at < '2005-01-10T01:01:01.393216Z'",
    "example56": "starts_at > '2005-01-10T01:01:01.393216Z'",
    "example57": "starts_at > '2005-01-10T00:00:00Z' AND ends_at < '2010-02-10T23:59:59.999999Z'",
    "example58": "false",
    "example59": f"starts_at < {FIRST} AND ends_at = {LAST}",
    "example60": f"starts_at > '1991-10-07T00:00:00Z' AND ends_at = {LAST}",
    "example61": f"starts_at <= {LAST} AND ends_at >= {FIRST}",
    "example62": "starts_at = '2010-02-10T23:59:59.999999Z'",
    "example63": f"ends_at = {LAST}",
    "example64": f"starts_at < {FIRST} AND ends_at > {FIRST} AND ends_at < {LAST}",
    "example65": f"starts_at < {FIRST} AND ends_at > {FIRST} "
                 "AND ends_at < '1992-10-09T08:08:08.393473Z'",
    "example66": f"starts_at = {FIRST} AND ends_at < {LAST}",
    "example67": f"starts_at = {FIRST}",
    "example68": "!Foo",
    "example69": "!Bar",
    "example70": "unaccent(owner) = 'Beyonce'",
    "example71": "lower(owner) = 'somebody else'",
    "example72": "value > foo + 10",
    "example73": "value < foo - 10",
    "example74": "value <> 22.1 * foo",
    "example75": "value = 2 / nullif(foo, 0)",
    "example76": "value <= 2 ^ foo",
    "example77": "foo IN (0, 2, 4)",
    "example78": "foo IN (2, 3)",
    "example79": "list <@ '{a,b,c}'",
    "example80": "list @> '{a,b,c}'",
    "example81": "!A_EQUALS",
    "example82": "!A_OVERLAPS",
    "example83": "false",
    "example84": "false",
    "example85": "value = - foo * 2 + bar / 6.1234 - x ^ 2",
    "example86": "upper(name) LIKE 'FOO%'",
}  # fmt: skip
"""What SQL is asked in the place of each example; with a `!`, what its refusal names."""

NEVER = {"clause7_15", "example58", "example83", "example84"}
"""Of a property that no item has, or true of none whatever: an instant is no day, and an area is
neither points nor lines."""


def items() -> Iterator[dict[str, Any]]:
    """Items with every value of every property, most of them in several combinations."""
    chance = random.Random(1)
    for number in range(300):
        west, south, east, north = BOXES[number % len(BOXES)]
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        chosen = {**NUMBERS, **TEXTS, **TIMES}
        properties = {name: chance.choice(values) for name, values in chosen.items()}
        starts_at, ends_at = SPANS[number % len(SPANS)]
        properties |= {
            "datetime": "2020-01-01T00:00:00Z",
            "swimming_pool": chance.random() < 0.5,
            "values": chance.choice(LISTS),
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        if number % 7 == 0:
            del properties["value"]
        if number % 5 == 0:
            properties["value"] = (
                -2 * properties["foo"] + properties["bar"] / 6.1234 - properties["x"] ** 2
            )
        yield {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": "fa7e1920-9107-422d-a3db-c468cbc5d6df" if number == 8 else f"item-{number}",
            "collection": "examples",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": [west, south, east, north],
            "properties": properties,
            "links": [],
            "assets": {},
        }


def queryables() -> dict[str, dict[str, Any]]:
    time = {"type": "string", "format": "date-time"}
    return {
        **{name: {"type": "number"} for name in NUMBERS},
        **{name: {"type": "string"} for name in TEXTS},
        **dict.fromkeys((*TIMES, "starts_at", "ends_at"), time),
        "swimming_pool": {"type": "boolean"},
        "values": {"type": "array", "items": {"type": "string"}},
    }


def view() -> str:
    """A view `truth` of the items with a column for each property."""
    names = {"cityName": "city_name", "liftOff": "lift_off", "landsat:scene_id": "scene_id",
             "geophys:SURVEY_NAME": "survey", "windSpeed": "wind"}  # fmt: skip
    types = {
        **dict.fromkeys(NUMBERS, "float"),
        **dict.fromkeys(TEXTS, "text"),
        **dict.fromkeys([*TIMES, "starts_at", "ends_at"], "timestamptz"),
        "swimming_pool": "boolean",
    }
    columns = ", ".join(
        f"(content -> 'properties' ->> '{name}')::{kind} "
        f'AS "{names.get(name, name.split(":")[-1])}"'
        for name, kind in types.items()
    )
    return (
        f"CREATE VIEW truth AS SELECT id, geometry, {columns}, ARRAY(SELECT "
        "jsonb_array_elements_text(content -> 'properties' -> 'values')) AS list FROM pgstac.items"
    )


@pytest.fixture(scope="module")
def examples(postgres: Server) -> Iterator[Catalogue]:
    with database(postgres) as made:
        with psycopg.connect(made.conninfo) as connection:
            connection.execute("SET search_path = pgstac, public")
            connection.cursor().executemany(
                "INSERT INTO queryables (name, definition) VALUES (%s, %s)",
                [(name, Jsonb(schema)) for name, schema in queryables().items()],
            )
            connection.execute(f"SET search_path = public; {view()}".encode())
        with PgstacDB(dsn=made.conninfo) as db:
            loader = Loader(db=db)
            collection = {"id": "examples", "type": "Collection", "stac_version": "1.1.0",
                          "description": "x", "license": "CC0-1.0", "links": [],
                          "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                                     "temporal": {"interval": [[None, None]]}}}  # fmt: skip
            loader.load_collections(iter([collection]), Methods.insert)
            loader.load_items(items(), Methods.insert)
        yield made


@pytest.fixture(scope="module")
def their_api(examples: Catalogue) -> Iterator[httpx.Client]:
    with running(examples.environment) as address, httpx.Client(base_url=address) as client:
        yield client


def text_of(name: str) -> list[str]:
    """The example's text, and its other spellings."""
    return [path.read_text() for path in sorted((EXAMPLES / "text").glob(f"{name}*.txt"))]


@pytest.mark.parametrize("name", ANSWERS)
def test_answered_as_sql_answers_or_refused_by_name(
    their_api: httpx.Client, examples: Catalogue, name: str
) -> None:
    if not EXAMPLES.is_dir():
        pytest.skip("the standard's examples are not here (../shared/data/cql2-examples)")
    answer = ANSWERS[name]
    tree = json.loads((EXAMPLES / "json" / f"{name}.json").read_text())
    slim = {"limit": 1000, "fields": {"include": ["id"]}}
    responses = [their_api.post("/search", json={"filter": tree, **slim})]
    for text in text_of(name):
        responses += [
            their_api.get("/search", params={"filter": text, "limit": 1000, "fields": "id"}),
            their_api.get("/collections/examples/items", params={"filter": text, "limit": 1000}),
            their_api.post("/search", json={"filter": text, "filter-lang": "cql2-text", **slim}),
        ]
    if answer.startswith("!"):
        for response in responses:
            assert response.status_code == 400, response.text
            assert answer[1:] in response.json()["description"]
        return
    expected = examples.ids(answer)
    for response in responses:
        assert response.status_code == 200, response.text
        assert {item["id"] for item in response.json()["features"]} == expected


def test_every_example_is_here() -> None:
    if not EXAMPLES.is_dir():
        pytest.skip("the standard's examples are not here (../shared/data/cql2-examples)")
    assert {path.stem for path in (EXAMPLES / "json").iterdir()} == set(ANSWERS)


def test_the_answers_are_not_empty(examples: Catalogue) -> None:
    empty = {
        name for name, sql in ANSWERS.items() if not sql.startswith("!") and not examples.ids(sql)
    }
    assert empty == NEVER
