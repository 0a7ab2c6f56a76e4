"""What the API answers to requests that are wrong, and while its database is."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import api_catalogue
import clusters
import httpx
import psycopg
import pytest
from api_server import Catalogue, member, running
from psycopg.conninfo import make_conninfo

from tessera_local.cluster import Cluster
from tessera_local.server import Server
from tessera_local.tuning import throwaway_settings

LEAKS = re.compile(r"SELECT |Traceback|asyncpg|File \"|pgstac\.|plpgsql|\.py", re.I)
"""What no description of an error may hold."""

GETS = {
    "/nothing": 404,
    "/collections/nothing": 404,
    "/collections/nothing/items": 404,
    "/collections/nothing/items/x": 404,
    "/collections/nothing/queryables": 404,
    "/collections/nothing/sortables": 404,
    "/collections/geotessera-2021/items/nothing": 404,
    "/collections/%00": 400,
    "/collections/geotessera-2021/items/%00": 400,
    "/search?ids=%00": 400,
    "/search?bbox=1,2,3": 400,
    "/search?bbox=1,2,3,4,5": 400,
    "/search?bbox=a,b,c,d": 400,
    "/search?bbox=nan,0,1,1": 400,
    "/search?bbox=0,0,inf,1": 400,
    "/search?bbox=1,52,0,51": 400,
    "/search?bbox=0,0,1,1&intersects=%7B%22type%22:%22Point%22,%22coordinates%22:[0,0]%7D": 400,
    "/search?intersects=%7B": 400,
    "/search?intersects=%7B%7D": 400,
    "/search?intersects=%7B%22type%22:%22Point%22%7D": 400,
    "/search?intersects=%7B%22type%22:%22Feature%22%7D": 400,
    "/search?datetime=x": 400,
    "/search?datetime=": 400,
    "/search?datetime=2021": 400,
    "/search?datetime=2021-06-01": 400,
    "/search?datetime=../..": 400,
    "/search?datetime=2022-01-01/2021-01-01": 400,
    "/search?datetime=99999-01-01T00:00:00Z": 400,
    "/search?datetime=2021-01-01/2022-01-01/2023-01-01": 400,
    "/search?limit=0": 400,
    "/search?limit=-1": 400,
    "/search?limit=x": 400,
    "/search?token=x": 400,
    "/search?token=next:zz:zz": 400,
    "/search?token=next:ff:ff": 400,
    "/search?token=next:6e:6e": 400,
    "/search?token=next": 400,
    "/search?sortby=nothing": 400,
    "/search?sortby=title": 400,
    "/search?sortby=geometry": 400,
    "/search?sortby=-tessera:stores": 400,
    "/search?query=x": 400,
    "/search?query=[]": 400,
    "/search?filter=((": 400,
    "/search?filter=1": 400,
    "/search?filter=%7B%7D&filter-lang=cql2-json": 400,
    "/search?filter=x&filter-lang=cql": 400,
    "/search?filter=TRUE&filter-crs=EPSG:3857": 400,
    "/search?filter=10%5E1000=1": 400,
    "/collections?bbox=1": 400,
    "/collections?datetime=x": 400,
    "/collections?limit=0": 400,
    "/collections?offset=-1": 400,
    "/collections?sortby=links": 400,
    "/collections?filter=((": 400,
    "/collections?q=a%20%26%20%26": 400,
    "/collections?q='": 400,
}

BODIES: list[Any] = [
    "{",
    "[]",
    '""',
    "5",
    '{"limit": 0}',
    '{"limit": "x"}',
    '{"bbox": [1, 2]}',
    '{"bbox": "1,2,3,4"}',
    '{"bbox": [0, 0, NaN, 1]}',
    '{"bbox": [1, 52, 0, 51]}',
    '{"bbox": [0,0,1,1], "intersects": {"type": "Point", "coordinates": [0, 0]}}',
    '{"intersects": {"type": "Point"}}',
    '{"intersects": {"type": "Polygon", "coordinates": [[[0,0],[1,1],[0,1],[1,0],[0,0]]]}}',
    '{"datetime": 5}',
    '{"datetime": "2021-06-01"}',
    '{"collections": 5}',
    '{"ids": [5]}',
    '{"ids": ["\\u0000"]}',
    '{"ids": ["\\ud800"]}',
    '{"token": "\\ud800"}',
    '{"datetime": "\\udfff"}',
    '{"sortby": [{"field": "\\ud800", "direction": "asc"}]}',
    '{"fields": {"include": ["\\ud800"]}}',
    '{"intersects": {"type": "Point", "coordinates": [0, "\\ud800"]}}',
    '{"bbox": [0, 0, 1, 1' + "0" * 400 + "]}",
    '{"token": 5}',
    '{"token": "next:ff:ff"}',
    '{"sortby": [{"field": "id"}]}',
    '{"sortby": [{"field": "id", "direction": "up"}]}',
    '{"sortby": [{"field": "nothing", "direction": "asc"}]}',
    '{"fields": {"include": "id"}}',
    '{"filter": 5}',
    '{"filter": {}}',
    '{"filter": {"op": "nothing", "args": []}}',
    '{"filter": "((", "filter-lang": "cql2-text"}',
    '{"filter": true, "filter-crs": "EPSG:3857"}',
    '{"query": 5}',
    '{"query": {"tessera:lat": {"near": 5}}}',
    '{"query": {"tessera:lat": {"lt": 1' + "0" * 400 + "}}}",
    '{"query": {"title": {"eq": "\\ud800"}}}',
    '{"query": {"\\ud800": {"eq": 1}}}',
    '{"query": {"tessera:lat": {"\\ud800": 1}}}',
    '{"query": {"tessera:lat": {"eq": ' + '{"op":"+","args":[1,' * 300 + "1" + "]}" * 300 + "}}}",
    '{"filter": {"op": "<", "args": [{"property": "tessera:lat"}, 1' + "0" * 400 + "]}}",
    '{"filter": {"op": "=", "args": [{"property": "title"}, "\\ud800"]}}',
    '{"filter": {"op": "=", "args": [{"property": "\\ud800"}, 1]}}',
    '{"filter": {"op": "\\ud800", "args": []}}',
    '{"filter": {"\\ud800": 1}}',
    '{"filter": {"op": "a_contains", "args": [{"property": "tessera:stores"}, ["\\ud800"]]}}',
    '{"filter": "title = \'\\ud800\'", "filter-lang": "cql2-text"}',
    '{"filter": {"op": "=", "args": [1, ' + '{"op":"+","args":[1,' * 300 + "1" + "]}" * 300 + "]}}",
    '{"filter": ' + '{"op":"not","args":[' * 100 + "true" + "]}" * 100 + "}",
    '{"filter": ' + '{"op":"not","args":[' * 4000 + "true" + "]}" * 4000 + "}",
    '{"x": ' + "[" * 50_000 + "]" * 50_000 + "}",
]


def check(answer: httpx.Response, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    problem: dict[str, str] = answer.json()
    assert set(problem) == {"code", "description"}
    assert problem["code"]
    assert problem["description"]
    assert "\n" not in problem["description"]
    assert not LEAKS.search(problem["description"]), problem["description"]
    return problem


@pytest.mark.parametrize("path", GETS)
def test_wrong_requests(api: httpx.Client, path: str) -> None:
    check(api.get(path), GETS[path])


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:60])
def test_wrong_bodies(api: httpx.Client, body: str) -> None:
    check(api.post("/search", content=body, headers={"Content-Type": "application/json"}), 400)


def test_geometries_of_too_many_vertices(api: httpx.Client) -> None:
    ring = [[n / 1e5, 51.0] for n in range(20_000)] + [[0.5, 52.0], [0.0, 51.0]]
    place = {"type": "Polygon", "coordinates": [ring]}
    related = {"op": "s_intersects", "args": [{"property": "geometry"}, place]}
    for body in ({"intersects": place}, {"filter": related}):
        assert "vertices" in check(api.post("/search", json=body), 400)["description"]
    place["coordinates"] = [[ring[0], *ring[3:]]]
    for body in ({"intersects": place, "limit": 1}, {"filter": related, "limit": 1}):
        assert api.post("/search", json=body).status_code == 200


def test_methods_there_are_not(api: httpx.Client) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        for path in ("/search", "/collections", "/collections/geotessera-2021"):
            check(api.request(method, path), 405)
    check(api.post("/collections", json={"id": "x"}), 405)
    check(api.post("/collections/geotessera-2021/items", json={"id": "x"}), 405)


def test_a_client_cannot_configure_pgstac(api: httpx.Client, catalogue: Catalogue) -> None:
    body = {"conf": {"readonly": False, "context": "off", "nohydrate": True}, "limit": 1}
    page = api.post("/search", json=body).json()
    assert page["numberMatched"] == len(catalogue.ids("true"))
    assert "pgstac:base_item" not in page["features"][0]


@pytest.fixture
def reader(catalogue: Catalogue) -> Iterator[dict[str, str]]:
    """Variables for a login that is a member of the API's role and nothing else."""
    with member(catalogue) as login:
        own = {f"TESSERA_API_{name}": value for name, value in login.items()}
        yield {**catalogue.environment, **own}


def test_the_role_of_the_api_serves_and_cannot_write(
    catalogue: Catalogue, reader: dict[str, str]
) -> None:
    with running(reader) as address, httpx.Client(base_url=address) as client:
        page = client.get("/search", params={"filter": '"tessera:lat" + 1 > 54', "limit": 3})
        assert page.json()["numberMatched"] == len(catalogue.ids("lat + 1 > 54"))
        for path in ("/", "/collections", "/queryables", "/sortables", "/_mgmt/health"):
            assert client.get(path).status_code == 200
        assert client.get("/collections/geotessera-2021/items/2021_grid_0.05_52.05").is_success
        tiles = client.get("/features/collections/tessera.tile/items", params={"year": 2021})
        assert tiles.json()["numberMatched"] == len(catalogue.ids("year = 2021"))
    conninfo = make_conninfo(
        catalogue.conninfo,
        user=reader["TESSERA_API_PGUSER"],
        password=reader["TESSERA_API_PGPASSWORD"],
    )
    attempts = (
        "DELETE FROM pgstac.items",
        "UPDATE pgstac.items SET private = NULL",
        "INSERT INTO pgstac.collections (content) VALUES ('{}')",
        "TRUNCATE pgstac.searches",
        "INSERT INTO pgstac.searches (search) VALUES ('{}')",
        "UPDATE pgstac.search_wheres SET usecount = 0",
        "UPDATE pgstac.pgstac_settings SET value = 'x'",
        "DELETE FROM pgstac.queryables",
        "DELETE FROM tessera.tile",
        "UPDATE tessera.collection SET revision = 0",
        "CREATE TABLE public.mine (x int)",
        "CREATE TABLE pgstac.mine (x int)",
        "SELECT pgstac.create_item('{}')",
        "SELECT pgstac.delete_collection('geotessera-2021')",
        "COPY pgstac.items TO '/tmp/items'",
        "CREATE ROLE mine",
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in attempts:
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode())
    assert len(catalogue.ids("true")) == api_catalogue.TILES


def test_a_search_that_takes_too_long(catalogue: Catalogue) -> None:
    environment = {**catalogue.environment, "TESSERA_API_STATEMENT_TIMEOUT": "0.003"}
    with running(environment) as address, httpx.Client(base_url=address) as client:
        answer = client.get("/search", params={"limit": 10_000, "filter": "title LIKE '%5%'"})
        assert check(answer, 503)["code"] == "Timeout"
        assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A server of the test's own, to stop and start; not yet started."""
    made = Cluster(tmp_path / "cluster", throwaway_settings())
    try:
        yield made
    finally:
        made.remove()


def until(client: httpx.Client, path: str, status: int) -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get(path)
        if answer.status_code == status:
            return answer
        assert answer.status_code in (200, 503), answer.text
        time.sleep(0.2)
    raise AssertionError(f"{path} did not come to answer {status}: {answer.text}")


def test_the_database_comes_and_goes(cluster: Cluster) -> None:
    server = cluster.start()
    environment = server.environment("stac")
    with running(environment) as address, httpx.Client(base_url=address, timeout=60) as client:
        check(client.get("/search"), 503)  # there is no such database yet
        assert client.get("/_mgmt/health").status_code == 503
        clusters.fill(server)
        assert until(client, "/search?limit=1", 200).json()["numberMatched"] == api_catalogue.TILES
        assert client.get("/_mgmt/health").json()["status"] == "UP"
        for _ in range(2):
            cluster.stop()
            answer = client.get("/search?limit=1")
            check(answer, 503)
            assert int(answer.headers["retry-after"]) > 0
            check(client.post("/search", json={}), 503)
            check(client.get("/collections"), 503)
            health = client.get("/_mgmt/health")
            assert (health.status_code, health.json()["status"]) == (503, "DOWN")
            assert client.get("/_mgmt/ping").status_code == 200
            cluster.start()
            until(client, "/search?limit=1", 200)
            assert client.get("/_mgmt/health").status_code == 200


def test_connections_that_an_operator_ends(catalogue: Catalogue) -> None:
    end = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'tessera-api' AND datname = current_database()"""
    seen = Counter[int]()
    with (
        running(catalogue.environment) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        psycopg.connect(catalogue.conninfo, autocommit=True) as connection,
    ):
        for _ in range(30):
            seen[client.get("/search?limit=1").status_code] += 1
            connection.execute(end)
        time.sleep(1)
        seen[client.get("/search?limit=1").status_code] += 1
        last = client.get("/search?limit=1").status_code
    assert set(seen) <= {200, 503}
    assert last == 200


def test_an_empty_database_is_not_ready(postgres: Server, database: str) -> None:
    environment = postgres.environment(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    with running(environment) as address, httpx.Client(base_url=address) as client:
        check(client.get("/search"), 503)
        assert client.get("/_mgmt/health").status_code == 503
