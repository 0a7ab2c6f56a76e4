"""The summary says what SQL counts tile by tile and copy by copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import api_server
import httpx
import psycopg
from map_world import MADE, OTHER, PLACED, link_placed, load_placed
from psycopg.rows import dict_row
from registries import STORES

YEARS = """
    SELECT dataset, year, count(*) AS tiles,
           coalesce(sum(embeddings_size), 0) + coalesce(sum(scales_size), 0) AS bytes,
           count(*) FILTER (WHERE embeddings_size IS NULL OR scales_size IS NULL) AS unsized,
           count(*) FILTER (WHERE stores @> %(stores)s) AS fully_replicated,
           count(*) FILTER (WHERE stores = '{}') AS nowhere
    FROM tessera.tile GROUP BY dataset, year
"""

COPIES = """
    SELECT t.dataset, t.year, s.name,
           count(*) FILTER (WHERE s.name = ANY (t.stores)) AS tiles,
           count(*) FILTER (WHERE r.state = 'stale') AS stale,
           count(*) FILTER (WHERE r.state = 'incomplete') AS incomplete,
           count(*) FILTER (WHERE s.name <> ALL (t.stores) AND r.state IS NULL) AS missing,
           coalesce(sum(t.embeddings_size + t.scales_size)
                    FILTER (WHERE s.name = ANY (t.stores)), 0) AS bytes,
           count(r.verified_at) AS verified, min(r.verified_at) AS oldest,
           max(r.verified_at) AS newest
    FROM tessera.tile t CROSS JOIN tessera.store s
    LEFT JOIN tessera.replica r ON r.tile_id = t.id AND r.store_id = s.store_id
    GROUP BY t.dataset, t.year, s.name
"""

COUNTED = ("tiles", "stale", "incomplete", "missing", "bytes")


def check(api: httpx.Client, database: str) -> dict[str, Any]:
    """The summary, found to be what SQL counts."""
    answer = api.get("/summary")
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    with psycopg.connect(database, row_factory=dict_row) as connection:
        connection.execute("SET timezone TO 'UTC'")
        years = connection.execute(YEARS, {"stores": list(STORES.names)}).fetchall()
        copies = connection.execute(COPIES).fetchall()
        row = connection.execute("SELECT tessera.revision() AS revision").fetchone()
    assert row is not None
    assert said["revision"] == row["revision"]
    found = {(d["dataset"], y["year"]): y for d in said["datasets"] for y in d["years"]}
    assert found.keys() == {(row["dataset"], row["year"]) for row in years}
    for row in years:
        year = found[row["dataset"], row["year"]]
        assert {name: year[name] for name in row if name != "dataset"} == {
            name: value for name, value in row.items() if name != "dataset"
        }
        assert list(year["stores"]) == list(STORES.names)
    for row in copies:
        store = found[row["dataset"], row["year"]]["stores"][row["name"]]
        assert {name: store[name] for name in COUNTED} == {name: row[name] for name in COUNTED}
        verified = store["manifest"] and store["manifest"]["verified"]
        if verified is not None:
            assert verified["copies"] == row["verified"]
            for end in ("oldest", "newest"):
                assert verified[end] == (row[end] and row[end].isoformat().replace("+00:00", "Z"))
    for dataset in said["datasets"]:
        check_total(dataset)
    return said


def check_total(dataset: dict[str, Any]) -> None:
    """The total of a dataset is the sum of its years."""
    total, years = dataset["total"], dataset["years"]
    for name in ("tiles", "bytes", "unsized", "fully_replicated", "nowhere"):
        assert total[name] == sum(year[name] for year in years)
    for store, copies in total["stores"].items():
        assert copies == {n: sum(y["stores"][store][n] for y in years) for n in COUNTED}
        assert sum(copies[name] for name in COUNTED[:4]) == total["tiles"]


def test_it_is_what_sql_counts(map_api: httpx.Client, map_database: api_server.Catalogue) -> None:
    said = check(map_api, map_database.conninfo)
    assert [dataset["dataset"] for dataset in said["datasets"]] == ["v1", "v2"]
    one, other = said["datasets"]
    assert [year["collection"] for year in one["years"]] == ["geotessera-2023", "geotessera-2024"]
    assert [year["collection"] for year in other["years"]] == ["geotessera-v2-2024"]
    assert [store["name"] for store in said["stores"]] == list(STORES.names)
    assert [store["title"] for store in said["stores"]] == [s.title for s in STORES.stores]


def test_it_is_what_was_laid_out(map_api: httpx.Client) -> None:
    one, other = map_api.get("/summary").json()["datasets"]
    words = list(PLACED[2024].values())
    (year,) = (year for year in one["years"] if year["year"] == 2024)
    assert year["tiles"] == len(words)
    assert year["fully_replicated"] == words.count("sss")
    assert year["nowhere"] == words.count("---") == 1
    assert year["unsized"] == 0
    for position, store in enumerate(STORES.names):
        letters = [word[position] for word in words]
        copies = year["stores"][store]
        assert [copies[name] for name in COUNTED[:4]] == [letters.count(c) for c in "sti-"]
        assert copies["manifest"]["made"] == MADE.isoformat().replace("+00:00", "Z")
        assert copies["manifest"]["tiles"] == len(words) - letters.count("-")
        assert copies["manifest"]["unknown"] == 0
        assert copies["manifest"]["verified"]["copies"] > 0
    (early,) = (year for year in one["years"] if year["year"] == 2023)
    assert (early["bytes"], early["unsized"]) == (0, 2)
    (unlinked,) = other["years"]
    assert unlinked["stores"]["okavango"]["tiles"] == len(OTHER[2024])
    assert all(copies["manifest"] is None for copies in unlinked["stores"].values())


def test_caching(map_api: httpx.Client) -> None:
    first = map_api.get("/summary")
    again = map_api.get("/summary", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = map_api.head("/summary")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/json"


def test_it_follows_loads_and_links(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    placed = {2024: {(0.05, 50.05): "s--", (-0.05, -50.05): "s--"}, 2025: {(9.05, 1.05): "sss"}}
    with (
        api_server.running(migrated_pg_env) as address,
        httpx.Client(base_url=address, timeout=60) as api,
    ):
        assert api.get("/summary").json() == {"revision": 0, "stores": [], "datasets": []}
        load_placed(migrated_database, tmp_path, placed)
        first = check(api, migrated_database)
        link_placed(migrated_database, tmp_path, placed, *STORES.names)
        linked = check(api, migrated_database)
        assert linked["revision"] > first["revision"]
        placed[2024][-0.05, -50.05] = "sit"
        del placed[2025]
        link_placed(migrated_database, tmp_path, placed, "s3", "scaleway")
        (dataset,) = check(api, migrated_database)["datasets"]
        stores = dataset["total"]["stores"]
        assert (stores["s3"]["incomplete"], stores["scaleway"]["stale"]) == (1, 1)
        assert (stores["s3"]["tiles"], stores["s3"]["missing"]) == (0, 2)
        load_placed(migrated_database, tmp_path, placed, prune=True, force=True)
        (dataset,) = check(api, migrated_database)["datasets"]
        assert [year["year"] for year in dataset["years"]] == [2024]
