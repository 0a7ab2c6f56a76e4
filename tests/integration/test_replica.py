"""Reading from a streaming standby: while the primary writes, while it dies, and afterwards."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import clusters
import httpx
import psycopg
import pyarrow as pa
from api_reads import GETS, POSTS, reading
from api_server import running
from clusters import DATABASE, Site
from registries import STORES, execute, load_rows, rows, value

from tessera_api.queries import query
from tessera_catalog import manifest_writer
from tessera_catalog.grid import cell
from tessera_catalog.link import link
from tessera_catalog.link_plan import Told
from tessera_catalog.manifest_header import About
from tessera_catalog.progress import Progress
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_local.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "replicas.md"

YEARS = (2021, 2022)


@contextmanager
def client_of(server: Server, **settings: str) -> Iterator[httpx.Client]:
    with (
        running({**server.environment(DATABASE), **settings}) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def caught_up(site: Site, copy: Server) -> None:
    """Wait until the standby has all that the primary has."""
    now = value(site.primary.conninfo("postgres"), "SELECT pg_current_wal_lsn()")
    clusters.until(
        lambda: value(
            copy.conninfo("postgres"), f"SELECT pg_last_wal_replay_lsn() >= '{now}'::pg_lsn"
        )
    )


def test_a_standby_answers_every_read(site: Site) -> None:
    clusters.fill(site.primary)
    copy = site.standby("standby")
    caught_up(site, copy)
    assert value(copy.conninfo(DATABASE), "SELECT pg_is_in_recovery()") is True
    with client_of(copy) as client:
        for path in GETS:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.text)
        for body in POSTS:
            assert client.post("/search", json=body).status_code == 200, body
        health = client.get("/_mgmt/health").json()
        assert (health["role"], health["lag"]) == ("standby", 0)
        page = client.get("/search", params={"filter": '"tessera:in_s3"', "limit": 5}).json()
        assert page["numberMatched"] > 2000
        following = next(link["href"] for link in page["links"] if link["rel"] == "next")
        assert len(client.get(following).json()["features"]) == 5


# --- while the primary writes ----------------------------------------------------------------


def load_sized(conninfo: str, folder: Path, size: int) -> None:
    """Load two years, whose tiles all have this size: their items are made anew."""
    content = [{**one, "file_size": size} for year in YEARS for one in rows(1200, year)]
    load_rows(conninfo, folder, content)


def link_part(conninfo: str, folder: Path, part: int) -> None:
    """Tell that S3 has one of so many tiles."""
    tables = []
    for year in YEARS:
        held = [(round(one["lon"] * 100), round(one["lat"] * 100)) for one in rows(1200, year)]
        copies = [
            {"year": year, "lon_i": lon_i, "lat_i": lat_i}
            for lon_i, lat_i in sorted(held[::part], key=lambda place: cell(*place))
        ]
        tables.append(pa.Table.from_pylist(copies, schema=ROWS))
    file = folder / "s3.parquet"
    manifest_writer.write(file, About("s3", "v1", dt.datetime.now(dt.UTC), "a test", "0"), tables)
    link({"s3": Told(Manifest(file))}, STORES, "v1", Progress(), conninfo)


def test_nobody_notices_that_the_primary_loads_and_links(site: Site, tmp_path: Path) -> None:
    """No answer fails, and none has a new revision's tag and an old revision's items."""
    conninfo = clusters.create_database(site.primary)
    load_sized(conninfo, tmp_path, 1)
    link_part(conninfo, tmp_path, 1)
    copy = site.standby("standby", hot_standby_feedback="on", max_standby_streaming_delay="5s")
    caught_up(site, copy)
    sizes: dict[str, int] = {}
    with client_of(copy) as client, reading(client) as seen:
        for size in range(2, 6):
            load_sized(conninfo, tmp_path, size)
            link_part(conninfo, tmp_path, size)
            revision = value(conninfo, query("revision"))
            clusters.until(lambda r=revision: client.get("/_mgmt/health").json()["revision"] == r)
            sizes[revision] = size
            before = len(seen.sizes)
            clusters.until(lambda b=before: len(seen.sizes) >= b)
            time.sleep(0.5)
    assert {path for path, statuses in seen.statuses.items() if statuses != {200}} == set()
    assert len(seen.statuses) == len(GETS) + 1
    told = {tag: size for r, size in sizes.items() for tag in seen.sizes if r in tag}
    assert len(told) == len(sizes)
    for tag, size in told.items():
        assert min(seen.sizes[tag]) == size


def test_a_read_that_holds_up_the_standby_is_to_be_asked_again(site: Site, tmp_path: Path) -> None:
    """A year that is swapped in waits for a slow search no longer than it is told to."""
    conninfo = clusters.create_database(site.primary)
    load_sized(conninfo, tmp_path, 1)
    # A filter as slow as one over millions.
    execute(
        conninfo,
        """CREATE OR REPLACE FUNCTION tessera.power(base float8, exponent float8) RETURNS float8
           LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
           BEGIN PERFORM pg_sleep(0.02); RETURN base; END $$""",
    )
    copy = site.standby("standby", max_standby_streaming_delay="1s")
    caught_up(site, copy)
    with client_of(copy) as client, ThreadPoolExecutor() as pool:
        slow = pool.submit(client.get, "/search", params={"filter": '"tessera:lat" ^ 2 > 0'})
        clusters.until(lambda: bool(value(copy.conninfo(DATABASE), ACTIVE_SEARCHES)))
        load_sized(conninfo, tmp_path, 2)
        answer = slow.result()
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "DatabaseBusy"
        assert int(answer.headers["retry-after"]) > 0
        caught_up(site, copy)
        (item,) = client.get("/search", params={"limit": 1}).json()["features"]
        assert item["assets"]["embeddings"]["file:size"] == 2


ACTIVE_SEARCHES = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'tessera-api' AND state = 'active' AND query LIKE '%power%'"""


def test_a_long_read_keeps_what_a_link_replaces(site: Site, tmp_path: Path) -> None:
    """Rows that the primary clears away stay while a standby with feedback reads them."""
    conninfo = clusters.create_database(site.primary)
    load_sized(conninfo, tmp_path, 1)
    copy = site.standby(
        "standby", hot_standby_feedback="on", max_standby_streaming_delay="1s",
        wal_receiver_status_interval="1s",
    )  # fmt: skip
    caught_up(site, copy)
    with psycopg.connect(copy.conninfo(DATABASE)) as connection:
        connection.execute("SET default_transaction_isolation = 'repeatable read'")
        connection.commit()
        read = "SELECT count(*) FILTER (WHERE store_count = 1) FROM tessera.tile WHERE year = 2021"
        before = connection.execute(read).fetchone()
        heard = "SELECT count(backend_xmin) = 1 FROM pg_stat_replication"
        clusters.until(lambda: value(conninfo, heard))
        for part in (1, 2, 3):
            link_part(conninfo, tmp_path, part)
        caught_up(site, copy)
        time.sleep(2)  # Longer than a conflict would be put up with.
        assert connection.execute(read).fetchone() == before
        assert before == (1200,)
    assert value(copy.conninfo(DATABASE), read) == 800


# --- when the primary dies -------------------------------------------------------------------


def test_reads_go_on_without_the_primary_and_after_promotion(site: Site, tmp_path: Path) -> None:
    conninfo = clusters.create_database(site.primary)
    load_sized(conninfo, tmp_path, 1)
    copy = site.standby("standby")
    caught_up(site, copy)
    with client_of(copy) as client, reading(client) as seen:
        site.kill(site.data)
        before = client.get("/_mgmt/health").json()
        assert before["role"] == "standby"
        time.sleep(1)
        site.run("pg_ctl", "promote", "-w", "-D", "standby")
        load_sized(copy.conninfo(DATABASE), tmp_path, 2)
        after = client.get("/_mgmt/health").json()
        assert (after["role"], after["lag"]) == ("primary", 0)
        assert after["revision"] != before["revision"]
        (item,) = client.get("/search", params={"limit": 1}).json()["features"]
        assert item["assets"]["embeddings"]["file:size"] == 2
    assert {path for path, statuses in seen.statuses.items() if statuses != {200}} == set()


def test_the_page(site: Site) -> None:
    """A standby, the primary's death, promotion, and the old primary as the new standby."""
    clusters.create_database(site.primary)
    site.rehearse(PAGE)
