"""What deploy/compose runs of our own making, outside of containers: roles, a standby, a pool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import clusters
import httpx
import psycopg
import pytest
from api_reads import GETS, POSTS, Readings
from api_server import running
from clusters import DATABASE, Site
from registries import value

from tessera_local.binaries import find_binaries
from tessera_local.ports import free_port
from tessera_local.server import Server

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "compose"

AWKWARD = """o'no "\\:$(exit) %"""

OLDEST_POOL = (1, 21)


def set_passwords(site: Site, folder: Path, **passwords: str) -> None:
    """Run the service `roles`; the owner keeps its password if there is none of it."""
    owner = {"OWNER": str(site.primary.password)}
    files = {}
    for name, password in {**owner, **passwords}.items():
        file = folder / name
        file.write_text(f"{password}\n")
        files[f"{name}_PASSWORD_FILE"] = str(file)
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={FOLDER}/roles.sql"],
        env={"PATH": os.environ["PATH"], **site.primary.environment("postgres"), **files},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def may_enter(server: Server, role: str, password: str) -> bool:
    try:
        psycopg.connect(server.conninfo(DATABASE), user=role, password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def test_roles_get_the_passwords_of_the_files(site: Site, tmp_path: Path) -> None:
    """Before the first load, after it, and when a password changes."""
    roles = {"API": "tessera_api", "READER": "tessera_reader", "REPLICATION": "replicator"}
    set_passwords(site, tmp_path, **dict.fromkeys(roles, AWKWARD))
    clusters.fill(site.primary)
    for role in roles.values():
        assert may_enter(site.primary, role, AWKWARD)
        assert not may_enter(site.primary, role, "another")
    server = Server(site.primary.host, site.primary.port, "tessera_api", AWKWARD)
    assert value(server.conninfo(DATABASE), "SELECT count(*) FROM tessera.tile") > 0
    set_passwords(site, tmp_path, **dict.fromkeys(roles, "new"), OWNER="the owner's")
    for role in [*roles.values(), site.primary.user]:
        assert not may_enter(site.primary, role, AWKWARD)
    assert may_enter(site.primary, site.primary.user, "the owner's")
    assert all(may_enter(site.primary, role, "new") for role in roles.values())
    assert AWKWARD not in (site.folder / "log").read_text()


@contextmanager
def following(site: Site, password: Path) -> Iterator[Server]:
    """The service `replica`, in the folder `copy`."""
    port = free_port()
    script = shutil.copy(FOLDER / "standby.sh", site.folder)
    settings = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    command = [script, "postgres", *(f"--{name}={text}" for name, text in settings.items())]
    environment = {
        "PATH": f"{find_binaries().folder}:{os.environ['PATH']}",
        "PGDATA": str(site.folder / "copy"),
        "PRIMARY": f"host={site.primary.host} port={site.primary.port} dbname=postgres",
        "REPLICATION_PASSWORD_FILE": str(password),
    }
    copy = Server(site.primary.host, port, site.primary.user, site.primary.password)
    with as_owner(site, command, environment) as process:
        clusters.until(lambda: process.poll() is not None or receives(copy))
        yield copy


@contextmanager
def as_owner(
    site: Site, command: Sequence[str | Path], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service's command as the user whose cluster it is, while the block runs."""
    owner = site.folder.stat()
    process = subprocess.Popen(
        command,
        cwd=site.folder,
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(site.folder), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def receives(server: Server) -> bool:
    try:
        return value(server.conninfo("postgres"), "SELECT count(*) FROM pg_stat_wal_receiver") == 1
    except psycopg.OperationalError:
        return False


def test_a_standby_makes_its_copy_and_follows(site: Site, tmp_path: Path) -> None:
    """Also after a copy that was broken off, and with a new password at its next start."""
    password = site.folder / "password"
    password.write_text(AWKWARD)
    password.chmod(0o644)
    set_passwords(site, tmp_path, API="x", READER="x", REPLICATION=AWKWARD)
    broken = site.folder / "copy.unfinished"
    broken.mkdir()
    shutil.chown(broken, site.folder.stat().st_uid)
    (broken / "PG_VERSION").write_text("half")
    with following(site, password) as copy:
        clusters.fill(site.primary)
        count = "SELECT count(*) FROM tessera.tile"
        tiles = value(site.primary.conninfo(DATABASE), count)
        clusters.until(lambda: has(copy, count, tiles))
    assert not broken.exists()
    set_passwords(site, tmp_path, API="x", READER="x", REPLICATION="new")
    password.write_text("new")
    with following(site, password) as copy:
        assert value(copy.conninfo(DATABASE), count) == tiles


def has(server: Server, query: str, wanted: object) -> bool:
    try:
        return value(server.conninfo(DATABASE), query) == wanted
    except psycopg.Error:
        return False


@contextmanager
def pooled(site: Site, folder: Path) -> Iterator[dict[str, str]]:
    """The service `pool`; the variables by which an API finds it."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("PgBouncer is not installed")
    if _pgbouncer() < OLDEST_POOL:
        pytest.skip("PgBouncer is older than 1.21")
    port = free_port()
    for name, text in [("pool.ini", pool_config(site, folder, port)), ("password", AWKWARD)]:
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    command = [shutil.copy(FOLDER / "pool.sh", folder), "pgbouncer", folder / "pool.ini"]
    password = str(folder / "password")
    with as_owner(site, command, {"TMPDIR": str(folder), "PGPASSWORD_FILE": password}):
        yield {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGDATABASE": DATABASE,
            "TESSERA_API_PGUSER": "tessera_api",
            "TESSERA_API_PGPASSWORD_FILE": password,
        }


def pool_config(site: Site, folder: Path, port: int) -> str:
    """The pool's own configuration, of another database and port."""
    config = (FOLDER / "pgbouncer.ini").read_text()
    database = f"{DATABASE} = host=127.0.0.1 port={site.primary.port}"
    for theirs, ours in [
        ("tessera = host=database port=5432", database),
        ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1"),
        ("listen_port = 5432", f"listen_port = {port}"),
        ("auth_file = /tmp/users", f"auth_file = {folder}/users"),
    ]:
        assert theirs in config
        config = config.replace(theirs, ours)
    return config


def _pgbouncer() -> tuple[int, ...]:
    """The version of the PgBouncer on this machine."""
    said = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True).stdout
    numbers = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert numbers, said
    return int(numbers[1]), int(numbers[2])


def test_every_read_passes_through_the_pool(site: Site, tmp_path: Path) -> None:
    """Of several readers at once, who then share connections, and cannot write by any of them."""
    set_passwords(site, tmp_path, API=AWKWARD, READER="x", REPLICATION="x")
    clusters.fill(site.primary)
    folder = site.folder / "pool"
    folder.mkdir()
    shutil.chown(folder, site.folder.stat().st_uid)
    with (
        pooled(site, folder) as environment,
        running(environment) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        seen = Readings()
        with ThreadPoolExecutor() as pool:
            tasks = [pool.submit(seen.read, client, paths) for paths in (GETS, GETS[::-1]) * 3]
            for _ in range(5):
                for body in POSTS:
                    assert client.post("/search", json=body).status_code == 200, body
            seen.stop.set()
        for task in tasks:
            task.result()
        assert {path: codes for path, codes in seen.statuses.items() if codes != {200}} == {}
        assert set(GETS) <= seen.statuses.keys()
        page = client.get("/search", params={"limit": 1}).json()
        assert page["numberMatched"] > 2000
        role = Server("127.0.0.1", int(environment["PGPORT"]), "tessera_api", AWKWARD)
        for setting, held in [("default_transaction_read_only", "on"), ("pgstac.readonly", "true")]:
            assert value(role.conninfo(DATABASE), f"SHOW {setting}") == held
