"""The private cluster: made, started twice, killed, moved to another port, removed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tessera_catalog.errors import InputError
from tessera_local.cluster import Cluster
from tessera_local.server import Server, server_of_environment
from tessera_local.stack import Stack
from tessera_local.tuning import demo_settings


@pytest.fixture(params=["open", "closed"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home that other users can reach, and one that they cannot."""
    if request.param == "open":
        for folder in (tmp_path, *tmp_path.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                folder.chmod(0o755)
    else:
        tmp_path.chmod(0o700)
    return tmp_path / "local"


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    cluster = Cluster(home, demo_settings())
    try:
        yield cluster
    finally:
        cluster.remove()


def _select(server: Server, query: str) -> object:
    with psycopg.connect(server.conninfo("postgres")) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def _postmaster(cluster: Cluster) -> int:
    assert cluster.directory is not None
    return int((cluster.directory / "data" / "postmaster.pid").read_text().split()[0])


def test_life_of_a_cluster(cluster: Cluster, home: Path) -> None:
    server = cluster.start()
    assert _select(server, "SELECT current_setting('default_toast_compression')") == "lz4"
    assert _select(server, "SELECT current_setting('fsync')") == "on"
    assert _select(server, "SELECT DISTINCT datcollate || datctype FROM pg_database") == "CC.UTF-8"
    assert stat.S_IMODE((home / "postgres.json").stat().st_mode) == 0o600
    assert Path(f"/proc/{_postmaster(cluster)}").stat().st_uid != 0

    before = _postmaster(cluster)
    assert cluster.start() == server
    assert _postmaster(cluster) == before

    wrong = Server(server.host, server.port, server.user, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _select(wrong, "SELECT 1")

    assert cluster.stop()
    assert not cluster.stop()
    directory = cluster.directory
    assert directory is not None
    assert directory.is_dir()
    cluster.remove()
    assert not directory.exists()
    assert cluster.server is None


def test_survives_a_kill(cluster: Cluster) -> None:
    server = cluster.start()
    with psycopg.connect(server.conninfo("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
    pid = _postmaster(cluster)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():  # the signal is sent before it is obeyed
        time.sleep(0.01)
    assert _select(cluster.start(), "SELECT value FROM kept") == 42


def test_pid_file_of_another_process(cluster: Cluster) -> None:
    cluster.start()
    pid_file = f"{cluster.directory}/data/postmaster.pid"
    lines = Path(pid_file).read_text().splitlines()
    cluster.stop()
    Path(pid_file).write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert not cluster.stop()
    assert _select(cluster.start(), "SELECT 1") == 1


def test_moves_when_its_port_is_taken(cluster: Cluster) -> None:
    first = cluster.start()
    cluster.stop()
    with socket.create_server((first.host, first.port)):
        second = cluster.start()
        assert second.port != first.port
        assert _select(second, "SELECT 1") == 1


@pytest.mark.parametrize("home", ["open"], indirect=True)
def test_it_is_found_and_removed_when_its_pointer_was_damaged(cluster: Cluster, home: Path) -> None:
    server = cluster.start()
    (home / "postgres.json").write_text("{")
    with pytest.raises(InputError, match="'make clean' begins anew"):
        cluster.stop()
    Stack(home, print).clean()
    assert not home.exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        _select(server, "SELECT 1")


def test_throwaway_is_gone_when_its_process_is_killed() -> None:
    script = (
        "import time\n"
        "from tessera_local.throwaway import throwaway_cluster\n"
        "with throwaway_cluster() as server:\n"
        "    print(server.conninfo('postgres'), flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        conninfo = process.stdout.readline()
        with psycopg.connect(conninfo) as connection:
            process.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT pg_sleep(60)")


def test_the_private_server_is_not_an_existing_one() -> None:
    private = Server("127.0.0.1", 5433, "tessera", "secret")
    named = {"PGHOST": "127.0.0.1", "PGPORT": "5433", "PGUSER": "tessera"}
    assert server_of_environment({}, private) is None
    assert server_of_environment(named, private) is None
    other = server_of_environment(named | {"PGPORT": "5434"}, private)
    assert other == Server("127.0.0.1", 5434, "tessera", None)


@pytest.mark.parametrize("port", ["5432x", "0", "65536", "5432,5433"])
def test_a_port_that_is_none_is_one_line(port: str) -> None:
    with pytest.raises(InputError, match=f"^PGPORT={port}: it must be [^\n]*$"):
        server_of_environment({"PGHOST": "127.0.0.1", "PGPORT": port}, None)


def test_variables_of_a_private_server_that_has_moved(cluster: Cluster) -> None:
    server = cluster.start()
    moved = server.environment("tessera") | {"PGPORT": "1"}
    assert server_of_environment(moved, None) is None
