"""An older pgSTAC with items of others in it, and a later schema of ours while readers read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_reads import GETS, reading
from api_server import Catalogue, running
from console import rehearse
from registries import (
    TOOL,
    by_id,
    environment,
    load_rows,
    rows,
    search,
    select,
    tessera_load,
    value,
    write,
)

from tessera_catalog import migrations as tessera

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "upgrade.md"

ELSEWHERE = "elsewhere"


def test_the_page(pg_env: dict[str, str], tmp_path: Path) -> None:
    path = f"{TOOL.parent}:{environment({})['PATH']}"
    rehearse(PAGE, tmp_path, environment(pg_env | {"PATH": path}))


@pytest.mark.parametrize("version", ["0.8.6", "0.9.12"])
def test_items_of_others_outlive_an_upgrade_of_pgstac(
    catalogue: Catalogue, database: str, pg_env: dict[str, str], tmp_path: Path, version: str
) -> None:
    pypgstac(pg_env, "migrate", "--toversion", version)
    collection, items = of_others(catalogue)
    select(database, "SELECT create_collection(%s)", json.dumps(collection))
    select(database, "SELECT create_items(%s)", json.dumps(items))
    before = asked(database)
    assert len(before["all"]) == len(items) > 300
    assert 0 < len(before["few"]) < len(items)

    registry = write(tmp_path / "registry.parquet", rows(40))
    refused = tessera_load(pg_env, registry)
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        f"tessera-load: pgSTAC {version} in this database is not supported, 0.10 is: "
        "bring it there with `pypgstac migrate`, after a backup"
    ]
    assert asked(database) == before

    pypgstac(pg_env, "migrate")
    assert asked(database) == before
    loaded = tessera_load(pg_env, registry)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert asked(database) == before
    assert len(search(database, collections=["geotessera-2024"])) == 40
    with running(pg_env) as address, httpx.Client(base_url=address, timeout=60) as client:
        page = client.get("/search", params={"collections": ELSEWHERE, "limit": 1}).json()
        assert page["numberMatched"] == len(items)


def pypgstac(env: dict[str, str], *arguments: str) -> None:
    command = [str(TOOL.parent / "pypgstac"), *arguments]
    subprocess.run(command, env=environment(env), check=True, capture_output=True)


def of_others(catalogue: Catalogue) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A collection that is not ours, and its items."""
    items = search(catalogue.conninfo, collections=["geotessera-2024"])
    document = value(catalogue.conninfo, "SELECT get_collection('geotessera-2024')")
    for one in items:
        one["collection"], one["links"] = ELSEWHERE, []
    return {**document, "id": ELSEWHERE, "links": []}, items


def asked(database: str) -> dict[str, dict[str, dict[str, Any]]]:
    """What searches for the items of others find, by id: releases differ in the order."""
    stores = {"op": "a_contains", "args": [{"property": "tessera:missing_stores"}, ["s3"]]}
    searches = {
        "all": {},
        "place": {"bbox": [0, 52, 1, 53]},
        "time": {"datetime": "2024-06-01T00:00:00Z"},
        "few": {"filter": stores, "filter-lang": "cql2-json"},
    }
    return {name: by_id(found(database, body)) for name, body in searches.items()}


def found(database: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    asked = json.dumps({"collections": [ELSEWHERE], "limit": 10_000, **body})
    features: list[dict[str, Any]] = value(database, "SELECT search(%s)", asked)["features"]
    return features


def test_readers_go_on_while_the_schema_is_migrated(
    migrated_database: str,
    migrated_pg_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = [{**one, "file_size": 1} for year in (2021, 2022) for one in rows(1200, year)]
    load_rows(migrated_database, tmp_path, content)
    before = search(migrated_database)
    later = tessera._migrations() | {"9999_later.sql": LATER}
    with (
        running(migrated_pg_env) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        reading(client) as seen,
    ):
        monkeypatch.setattr(tessera, "_migrations", lambda: later)
        load_rows(migrated_database, tmp_path, content)
        monkeypatch.undo()
        assert {path for path in GETS if client.get(path).status_code != 200} == set()
    assert {path for path, statuses in seen.statuses.items() if statuses != {200}} == set()
    assert value(migrated_database, "SELECT DISTINCT remark FROM tessera.collection") == "none"
    assert search(migrated_database) == before
    refused = tessera_load(migrated_pg_env, tmp_path / "registry.parquet")
    assert refused.returncode == 2
    assert "is newer than this release (it has 9999_later.sql)" in refused.stderr


LATER = """
    ALTER TABLE tessera.tile ADD COLUMN remark text;
    ALTER TABLE tessera.collection ADD COLUMN remark text NOT NULL DEFAULT 'none';
    CREATE INDEX ON tessera.tile (embeddings_size);
    CREATE OR REPLACE FUNCTION tessera.revision() RETURNS bigint LANGUAGE sql STABLE AS $$
        SELECT coalesce(max(revision), 0) FROM tessera.collection WHERE remark = 'none'
    $$"""
