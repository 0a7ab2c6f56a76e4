"""The demo: started, started again, moved, stopped; on its own server and on an existing one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tessera_catalog.errors import Failed, InputError, Refused
from tessera_local import source
from tessera_local.ports import ADDRESS, free_port
from tessera_local.processes import Processes
from tessera_local.server import Server
from tessera_local.stack import Stack, Wanted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A demo that nobody has started yet."""
    stack = Stack(tmp_path / "local", print)
    try:
        yield stack
    finally:
        stack.clean()


@dataclass
class Demo:
    """One demo for several tests; each begins by asking for what it needs."""

    home: Path
    port: int
    lines: list[str]
    stack: Stack

    def start(self, tiles: int = 3000) -> str:
        return self.stack.start(Wanted(tiles=tiles, port=self.port), environ={})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo") / "local"
    lines: list[str] = []
    demo = Demo(home, free_port(), lines, Stack(home, lines.append))
    try:
        yield demo
    finally:
        demo.stack.clean()
        assert not home.exists()


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _records(demo: Demo) -> dict[str, Any]:
    files = (demo.home / "run").glob("*.json")
    return {file.stem: json.loads(file.read_text()) for file in files}


def _tiles(environment: dict[str, str]) -> int:
    conninfo = psycopg.conninfo.make_conninfo(
        host=environment["PGHOST"], port=environment["PGPORT"], user=environment["PGUSER"],
        password=environment["PGPASSWORD"], dbname=environment["PGDATABASE"],
    )  # fmt: skip
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM tessera.tile").fetchone()
    assert row is not None
    return int(row[0])


def test_what_runs(demo: Demo) -> None:
    address = demo.start()
    assert address == f"http://{ADDRESS}:{demo.port}"
    environment = demo.stack.environment()
    assert _tiles(environment) == 3000
    assert (Path(environment["TESSERA_DATA"]) / "s3.parquet").is_file()
    found = _get(f"{address}/api/search?limit=5")
    assert found["numberMatched"] == 3000
    everywhere = _get(f"{address}/api/search?limit=1&filter=%22tessera:store_count%22%3D3")
    assert 2800 < everywhere["numberMatched"] < 3000
    for link in found["links"]:
        assert link["href"].startswith(f"{address}/api/")


def test_again_changes_nothing(demo: Demo) -> None:
    demo.start()
    environment = demo.stack.environment()
    records = _records(demo)
    demo.lines.clear()
    # A shell that has taken over `make env` names the private server, which is not another one.
    demo.stack.start(Wanted(tiles=3000), environ=environment)
    assert not [line for line in demo.lines if "started" in line or "loading" in line]
    assert demo.stack.environment() == environment
    assert _records(demo) == records


def test_another_port(demo: Demo) -> None:
    demo.start()
    left, demo.port = demo.port, free_port()
    address = demo.start()
    assert address.endswith(f":{demo.port}")
    assert _get(f"{address}/api/")["id"] == "geotessera"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, left))


def test_another_registry_takes_the_place_of_the_first(demo: Demo) -> None:
    demo.start(tiles=3000)
    demo.start(tiles=2000)
    assert _tiles(demo.stack.environment()) == 2000


def test_a_server_that_was_killed_is_started_again(demo: Demo) -> None:
    address = demo.start()
    os.kill(_records(demo)["api"]["pid"], signal.SIGKILL)
    demo.start()
    assert _get(f"{address}/api/")["id"] == "geotessera"


def test_stop_and_go_on(demo: Demo) -> None:
    address = demo.start()
    assert demo.stack.stop() == ["caddy", "api", "PostgreSQL"]
    assert demo.stack.stop() == []
    with pytest.raises(InputError, match="not running"):
        demo.stack.environment()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, demo.port))
    demo.lines.clear()
    assert demo.start() == address
    assert not [line for line in demo.lines if "loading" in line]
    assert _get(f"{address}/api/search?limit=1")["numberMatched"] == 3000


def test_a_record_of_another_process_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record = {"pid": os.getpid(), "started": "1", "digest": "", "port": 1}
    (tmp_path / "run" / "api.json").write_text(json.dumps(record))
    processes = Processes(tmp_path)
    assert processes.port("api") is None
    assert not processes.stop("api")


@pytest.fixture
def administrator(postgres: Server) -> Iterator[Server]:
    """A superuser of the server whose password is not one of a private cluster."""
    name = f"tessera_test_{os.getpid()}"
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD 'of-a-test'".encode())
        yield Server(postgres.host, postgres.port, name, "of-a-test")
        connection.execute(f"DROP ROLE {name}".encode())


def test_existing_server(
    administrator: Server, stack: Stack, database: str, migrated_database: str, tmp_path: Path
) -> None:
    empty, foreign = (
        administrator.environment(str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]))
        for conninfo in (database, migrated_database)
    )
    with pytest.raises(Refused, match="holds a catalogue"):
        stack.start(Wanted(tiles=1000, port=free_port()), environ=foreign)
    stack.start(Wanted(tiles=1000, port=free_port()), environ=empty)
    assert not (tmp_path / "local" / "postgres.json").exists()
    assert _tiles(stack.environment()) == 1000
    assert stack.stop() == ["caddy", "api"]
    with psycopg.connect(database):
        pass


def test_taken_port(stack: Stack) -> None:
    with socket.create_server((ADDRESS, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Failed, match=f"port {port} is taken"):
            stack.start(Wanted(port=port), environ={})


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(registry="nowhere.parquet"), "no such file"),
        (Wanted(registry="a.parquet", tiles=5), "leave it out"),
    ],
)
def test_wrong_wishes(stack: Stack, wanted: Wanted, says: str) -> None:
    with pytest.raises(InputError, match=says):
        stack.start(wanted, environ={})


def test_stores_that_are_not_there(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_STORES", "nowhere.toml")
    with pytest.raises(InputError, match=r"nowhere\.toml: No such file"):
        stack.start(Wanted(port=free_port()), environ={})
    assert not (tmp_path / "local" / "data").exists()


def test_synthetic_tiles_that_a_full_disk_cut_short_are_made_again(tmp_path: Path) -> None:
    made = source.synthetic(100, tmp_path)
    label = made.manifests / "parameters.json"
    said = label.read_text()
    label.write_text("")
    assert source.synthetic(100, tmp_path).registry == made.registry
    assert label.read_text() == said


def test_files_that_a_damaged_pointer_leaves_behind_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "1a2b").mkdir(parents=True)
    monkeypatch.setattr("tessera_local.cluster._ELSEWHERE", elsewhere)
    home = tmp_path / "local"
    home.mkdir()
    (home / "postgres.json").write_text('{"directory": "/srv')
    lines: list[str] = []
    Stack(home, lines.append).clean()
    assert not home.exists()
    (line,) = lines
    assert f"left: {elsewhere}/1a2b, " in line
    assert (elsewhere / "1a2b").is_dir()


@pytest.mark.parametrize("verb", ["stop", "clean"])
def test_make_stops_by_what_is_installed(tmp_path: Path, verb: str) -> None:
    """Also when the lock has changed since: another install might find no network."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".local").mkdir()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$*" >> asked\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["make", verb], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text().splitlines()[-1] == f"-m tessera_local {verb}"


def test_packages_that_may_not_be_installed() -> None:
    done = subprocess.run(
        [ROOT / "deploy" / "system-packages.sh", "a-package"],
        env={"PATH": "/usr/bin:/bin"},
        user=65534 if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "a-package" in done.stderr
