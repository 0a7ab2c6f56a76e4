"""The metrics, the health of a standby, and what deploy/monitoring and its page make of them."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clusters
import httpx
import pytest
import yaml
from api_server import Catalogue, running
from clusters import DATABASE, Site, until
from console import rehearse
from map_world import MADE, OTHER, PLACED, STATES, verified
from prometheus_client.parser import text_string_to_metric_families
from registries import STORES, execute, value

from tessera_api.health import LAGGING_BYTES
from tessera_catalog.migrations import migrate
from tessera_local.server import Server

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PAGE = ROOT / "docs" / "operations" / "watching.md"

ON = {"TESSERA_API_METRICS": "true"}

Labels = frozenset[tuple[str, str]]


class Scrape:
    """The samples of one answer."""

    def __init__(self, client: httpx.Client) -> None:
        answer = client.get("/_mgmt/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        self.families = list(text_string_to_metric_families(answer.text))
        samples = [sample for family in self.families for sample in family.samples]
        self.values = {(s.name, frozenset(s.labels.items())): s.value for s in samples}
        assert len(self.values) == len(samples)
        self.names = {name for name, _ in self.values}

    def get(self, name: str, **labels: str) -> float | None:
        return self.values.get((name, frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for found, labels in self.values if found == name]


@contextmanager
def watched(environment: Mapping[str, str], **settings: str) -> Iterator[httpx.Client]:
    with (
        running({**environment, **ON, **settings}) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def metrics_api(map_database: Catalogue) -> Iterator[httpx.Client]:
    """The API with metrics, on the catalogue of map_world."""
    with watched(map_database.environment) as client:
        yield client


def test_they_are_off_by_default(api: httpx.Client) -> None:
    assert api.get("/_mgmt/metrics").status_code == 404


def test_the_catalogue_is_told_as_it_was_laid_out(metrics_api: httpx.Client) -> None:
    scrape = Scrape(metrics_api)
    for dataset, placed in (("v1", PLACED), ("v2", OTHER)):
        for year, tiles in placed.items():
            of, words = {"dataset": dataset, "year": str(year)}, list(tiles.values())
            assert scrape.get("tessera_catalogue_tiles", **of) == len(words)
            full = scrape.get("tessera_catalogue_fully_replicated_tiles", **of)
            assert full == words.count("sss")
            for position, store in enumerate(STORES.names):
                # Without a manifest the primary is taken to have all of them.
                letters = [word[position] for word in words]
                for letter, state in STATES.items():
                    state = {"sound": "held"}.get(state, state)
                    found = scrape.get("tessera_store_tiles", **of, store=store, state=state)
                    assert found == letters.count(letter), (of, store, state)
    assert scrape.get("tessera_catalogue_nowhere_tiles", dataset="v1", year="2024") == 1
    assert len(scrape.labels("tessera_store_tiles")) == 3 * len(STORES.names) * len(STATES)


def test_bytes_are_those_that_sql_adds_up(
    metrics_api: httpx.Client, map_database: Catalogue
) -> None:
    scrape = Scrape(metrics_api)
    of = {"dataset": "v1", "year": "2024"}
    total = value(
        map_database.conninfo,
        """SELECT sum(embeddings_size + scales_size) FROM tessera.tile
           WHERE dataset = 'v1' AND year = 2024""",
    )
    assert scrape.get("tessera_catalogue_bytes", **of) == total > 0
    said = metrics_api.get("/summary").json()["datasets"][0]["years"]
    (year,) = (each for each in said if each["year"] == 2024)
    for store, copies in year["stores"].items():
        assert scrape.get("tessera_store_bytes", **of, store=store) == copies["bytes"] < total


def test_ages_are_those_of_the_manifests(
    metrics_api: httpx.Client, map_database: Catalogue
) -> None:
    scrape = Scrape(metrics_api)
    for position, store in enumerate(STORES.names):
        of = {"dataset": "v1", "year": "2024", "store": store}
        assert scrape.get("tessera_manifest_made_timestamp_seconds", **of) == MADE.timestamp()
        linked = scrape.get("tessera_manifest_linked_timestamp_seconds", **of)
        assert linked is not None
        assert 0 <= time.time() - linked < 3600
        copies = [place for place, word in PLACED[2024].items() if word[position] != "-"]
        times = [at for at in (verified(place, position) for place in copies) if at]
        assert scrape.get("tessera_manifest_verified_tiles", **of) == len(times)
        oldest = scrape.get("tessera_manifest_oldest_verification_timestamp_seconds", **of)
        assert oldest == pytest.approx(min(times).timestamp(), abs=1e-3)
    loaded = scrape.get("tessera_catalogue_loaded_timestamp_seconds", dataset="v1", year="2024")
    assert loaded is not None
    assert 0 <= time.time() - loaded < 3600
    assert {each["dataset"] for each in scrape.labels("tessera_manifest_unknown_tiles")} == {"v1"}
    revision = scrape.get("tessera_catalogue_revision")
    assert revision == metrics_api.get("/summary").json()["revision"] > 0


def test_the_database_and_its_connections_are_told(metrics_api: httpx.Client) -> None:
    scrape = Scrape(metrics_api)
    assert scrape.get("tessera_database_up") == 1
    assert scrape.get("tessera_database_standby") == 0
    assert scrape.get("tessera_replication_lag_seconds") == 0
    assert scrape.get("tessera_replication_lag_bytes") == 0
    assert scrape.get("tessera_replication_receiving") is None
    used = scrape.get("tessera_api_connections", state="used")
    idle = scrape.get("tessera_api_connections", state="idle")
    assert used == 0
    assert idle is not None
    assert 1 <= idle <= 10
    assert scrape.get("tessera_api_connections_max") == 10
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= scrape.names


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("PGPORT", "1"),  # nobody is there
        ("PGTARGETSESSIONATTRS", "standby"),  # a primary is: the driver calls that its own error
    ],
)
def test_a_database_that_is_away_is_told_and_breaks_nothing(
    map_database: Catalogue, variable: str, setting: str
) -> None:
    with watched({**map_database.environment, variable: setting}) as client:
        assert client.get("/search").status_code == 503
        health = client.get("/_mgmt/health")
        assert (health.status_code, health.json()["status"]) == (503, "DOWN")
        scrape = Scrape(client)
        assert scrape.get("tessera_database_up") == 0
        assert not {n for n in scrape.names if n.startswith(("tessera_cat", "tessera_store"))}
        failed = {"handler": "/search", "method": "GET", "status": "503"}
        assert scrape.get("http_requests_total", **failed) == 1


def test_an_empty_database_is_none(database: str, pg_env: dict[str, str]) -> None:
    with watched(pg_env) as client:
        assert Scrape(client).get("tessera_database_up") == 0


def test_requests_are_counted_by_route_however_they_are_called(map_database: Catalogue) -> None:
    with watched(map_database.environment) as client:
        tag = client.get("/collections").headers["etag"]
        client.get("/collections", headers={"If-None-Match": tag})
        client.head("/collections")
        client.post("/search", json={"limit": 1})
        for n in range(30):
            client.get(f"/nothing/{n}")
            client.get(f"/collections/nothing-{n}", headers={"X-Forwarded-Prefix": f"/{n}"})
            client.request(f"BREW{n}", "/search")
            client.request(f"BREW{n}", f"/nothing/{n}")
        scrape = Scrape(client)

        def count(handler: str, method: str, status: int) -> float | None:
            labels = {"handler": handler, "method": method, "status": str(status)}
            return scrape.get("http_requests_total", **labels)

        assert count("/collections", "GET", 200) == 1
        assert count("/collections", "GET", 304) == 1
        assert count("/collections", "HEAD", 200) == 1
        assert count("/search", "POST", 200) == 1
        assert count("/collections/{collection_id}", "GET", 404) == 30
        assert count("/search", "other", 405) == 30
        assert count("none", "GET", 404) == 30
        assert count("none", "other", 404) == 30
        assert len(scrape.labels("http_requests_total")) == 8
        of = {"handler": "/collections", "method": "GET"}
        assert scrape.get("http_request_duration_seconds_count", **of) == 2


def test_they_are_not_for_what_comes_through_a_proxy(metrics_api: httpx.Client) -> None:
    answer = metrics_api.get("/_mgmt/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary with the small catalogue, and its standby; a test leaves both as they are."""
    with clusters.running_site() as site:
        clusters.fill(site.primary)
        yield site.primary, site.standby("standby")


def test_a_standby_says_how_far_it_is_behind(pair: tuple[Server, Server]) -> None:
    primary, copy = (server.conninfo(DATABASE) for server in pair)

    def write() -> str:
        execute(primary, "CREATE TABLE public.written (x int)", "DROP TABLE public.written")
        return str(value(primary, "SELECT pg_current_wal_flush_lsn()"))

    def wait(step: str, lsn: str) -> None:
        until(lambda: bool(value(copy, f"SELECT pg_last_wal_{step}_lsn() >= '{lsn}'::pg_lsn")))

    # A role that may see no more of the server than everybody.
    reader = {"TESSERA_API_PGUSER": "tessera_watcher", "TESSERA_API_PGPASSWORD": "made-up"}
    execute(primary, "CREATE ROLE tessera_watcher LOGIN PASSWORD 'made-up' IN ROLE tessera_api")
    wait("replay", write())
    with watched({**pair[1].environment(DATABASE), **reader}, TESSERA_API_MAX_LAG="1") as client:
        until(lambda: client.get("/_mgmt/health").status_code == 200)
        health = client.get("/_mgmt/health").json()
        assert (health["role"], health["lag"]) == ("standby", 0)
        scrape = Scrape(client)
        assert scrape.get("tessera_database_standby") == 1
        assert scrape.get("tessera_replication_receiving") == 1
        assert scrape.get("tessera_replication_lag_seconds") == 0

        execute(copy, "SELECT pg_wal_replay_pause()")
        wait("receive", write())
        until(lambda: client.get("/_mgmt/health").json()["lag"] > 1)
        # A little, as there is during a long transaction: it is not behind.
        assert client.get("/_mgmt/health").status_code == 200
        much = f"pg_logical_emit_message(false, 'test', repeat('x', {LAGGING_BYTES}))"
        execute(primary, f"SELECT {much}")
        wait("receive", write())
        answer = client.get("/_mgmt/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "BEHIND")
        assert client.get("/search?limit=1").status_code == 200
        scrape = Scrape(client)
        assert (scrape.get("tessera_replication_lag_seconds") or 0) > 1
        assert (scrape.get("tessera_replication_lag_bytes") or 0) > LAGGING_BYTES

        execute(copy, "SELECT pg_wal_replay_resume()")
        until(lambda: client.get("/_mgmt/health").json()["lag"] == 0)
        assert client.get("/_mgmt/health").status_code == 200


def test_a_standby_without_a_primary_says_so_and_is_ready(site: Site) -> None:
    migrate(clusters.create_database(site.primary))
    copy = site.standby("standby")
    with watched(copy.environment(DATABASE), TESSERA_API_MAX_LAG="1") as client:
        until(lambda: Scrape(client).get("tessera_replication_receiving") == 1)
        site.kill(site.data)
        until(lambda: Scrape(client).get("tessera_replication_receiving") == 0)
        time.sleep(1.5)
        health = client.get("/_mgmt/health")
        assert (health.status_code, health.json()["role"]) == (200, "standby")


def test_a_primary_is_never_behind(catalogue: Catalogue) -> None:
    with watched(catalogue.environment, TESSERA_API_MAX_LAG="0") as client:
        answer = client.get("/_mgmt/health")
        assert answer.status_code == 200
        assert (answer.json()["role"], answer.json()["lag"]) == ("primary", 0)


# --- deploy/monitoring -----------------------------------------------------------------------

ELSEWHERE = {"up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
"""What the rules use of Prometheus itself and of its exporter for machines."""


def rules() -> list[dict[str, Any]]:
    """The rules of alerts.yml."""
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def metrics_of(expression: str) -> set[str]:
    """Names of the metrics in a PromQL expression."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w|\s*\()", re.sub(r"\b\d\w*", "", bare))
    return set(words) - {"and", "or", "unless", "bool", "offset"}


def test_what_a_metric_is_of_an_expression() -> None:
    expression = 'sum by (le) (rate(a_total{b="c_d"}[5m] offset 1d)) / on (e) f:g:sum > 2e3 and h'
    assert metrics_of(expression) == {"a_total", "f:g:sum", "h"}


def test_alerts_and_the_dashboard_use_metrics_that_there_are(
    pair: tuple[Server, Server],
) -> None:
    with watched(pair[1].environment(DATABASE)) as client:
        until(lambda: client.get("/search?limit=1").status_code == 200)
        served = Scrape(client).names
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = served | recorded | ELSEWHERE
    for rule in rules():
        assert metrics_of(rule["expr"]) - known == set(), rule
        assert metrics_of(rule["expr"]), rule
    for panel in panels():
        for target in panel["targets"]:
            assert metrics_of(target["expr"]) - known == set(), panel["title"]
            assert metrics_of(target["expr"]), panel["title"]


def test_every_alert_says_what_to_do_on_the_page() -> None:
    page = PAGE.read_text()
    alerts = [rule for rule in rules() if "alert" in rule]
    assert re.findall(r"^### (\w+)$", page, re.M) == [rule["alert"] for rule in alerts]
    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "runbook"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        anchor = rule["alert"].lower()
        assert rule["annotations"]["runbook"] == f"docs/operations/watching.md#{anchor}"


def test_a_standby_is_behind_by_as_many_bytes_as_the_alert_has() -> None:
    (lag,) = (rule for rule in rules() if rule.get("alert") == "TesseraReplicationLag")
    (factors,) = re.findall(r"tessera_replication_lag_bytes > ([\d *]+)$", lag["expr"])
    assert math.prod(map(int, factors.split("*"))) == LAGGING_BYTES


def test_prometheus_scrapes_what_is_served() -> None:
    settings = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = (each for each in settings["scrape_configs"] if each["job_name"] == "tessera-api")
    assert job["metrics_path"] == "/_mgmt/metrics"
    (named,) = settings["rule_files"]
    assert (MONITORING / named).is_file()


def promtool(*arguments: str, given: str | None = None) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    done = subprocess.run(
        [program, *arguments], cwd=MONITORING, input=given or "", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    promtool(*arguments)


def test_promtool_likes_the_names(metrics_api: httpx.Client) -> None:
    metrics_api.get("/search?limit=1")
    promtool("check", "metrics", given=metrics_api.get("/_mgmt/metrics").text)


def test_the_page(pair: tuple[Server, Server], tmp_path: Path) -> None:
    with watched(pair[1].environment(DATABASE)) as client:
        until(lambda: Scrape(client).get("tessera_replication_lag_seconds") == 0)
        address = str(client.base_url).rstrip("/")
        rehearse(PAGE, tmp_path, {"PATH": "/usr/bin:/bin"}, {"http://127.0.0.1:8000": address})
