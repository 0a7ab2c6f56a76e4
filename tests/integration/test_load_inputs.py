"""What tessera-load makes of wrong input: a table of mistakes, each one line and an exit code."""

from __future__ import annotations

import csv
import json
import os
import resource
import socket
import sys
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from registries import (
    Row,
    execute,
    row,
    rows,
    search,
    select,
    sha,
    tessera_load,
    value,
    write,
)
from seaweedfs import S3Server
from web_server import Answer, answering, send

from tessera_catalog.cli import main

Make = Callable[[Path], list[object]]


def a_file(content: bytes) -> Make:
    def make(folder: Path) -> list[object]:
        path = folder / "registry.parquet"
        path.write_bytes(content)
        return [path]

    return make


def a_registry(content: list[Row], *options: object) -> Make:
    return lambda folder: [write(folder / "registry.parquet", content), *options]


def a_table(**columns: Any) -> Make:
    def make(folder: Path) -> list[object]:
        pq.write_table(pa.table(columns), folder / "registry.parquet")
        return [folder / "registry.parquet"]

    return make


def truncated(folder: Path) -> list[object]:
    path = write(folder / "registry.parquet", rows(1000))
    path.write_bytes(path.read_bytes()[:-1000])
    return [path]


def configured(text: str) -> Make:
    def make(folder: Path) -> list[object]:
        (folder / "stores.toml").write_text(text)
        return [write(folder / "registry.parquet", rows(3)), "--stores", folder / "stores.toml"]

    return make


GOOD = rows(3)

MISTAKES: dict[str, tuple[Make, int, str]] = {
    # name: the arguments, the exit code, and what the line must say
    "no such file": (lambda folder: [folder / "nothing.parquet"], 2, "no such file"),
    "a directory": (lambda folder: [folder], 2, "not a readable parquet file"),
    "an empty file": (a_file(b""), 2, "not a readable parquet file"),
    "no parquet": (a_file(b"lat,lon,year\n1.05,1.05,2024\n"), 2, "not a readable parquet file"),
    "truncated": (truncated, 2, "not a readable parquet file"),
    "no rows": (a_table(lat=pa.array([], pa.float64()), lon=pa.array([], pa.float64()),
                        year=pa.array([], pa.int64())), 2, "no rows"),
    "columns missing": (a_table(lat=[1.05]), 2, "no column lon and no column year; it has lat"),
    "text for numbers": (a_table(lat=["1.05"], lon=[1.05], year=[2024]), 2, "column lat is string"),
    "a year of halves": (
        a_table(lat=[1.05], lon=[1.05], year=[2024.5]), 2, "column year is double"),
    "hashes as numbers": (a_table(lat=[1.05], lon=[1.05], year=[2024], hash=[5]), 2, "column hash"),
    "a column twice": (lambda folder: twice(folder), 2, "two columns are called lat"),
    "too many bad rows": (
        a_registry([*rows(98), row(0.1, 0.05), row(0.05, 0.05, 1999)]), 3,
        "2 of 100 rows rejected (1 off-grid, 1 out of range; row 98: off-grid (year 2024, "
        "lon 0.1, lat 0.05)); --allow-rejected loads the rest"),
    "only bad rows, allowed": (
        a_registry([row(0.1, 0.05)], "--allow-rejected"), 2, "no tiles in the selection"),
    "nothing selected": (a_registry(GOOD, "--year", 1999), 2, "no tiles in the selection"),
    "an unknown store": (
        a_registry(GOOD, "--store", "okawango"), 2,
        "no store is called 'okawango' (did you mean 'okavango'?)"),
    "an empty store": (a_registry(GOOD, "--store", ""), 2, "no store is called ''"),
    "an unknown dataset": (
        a_registry([one | {"version": "v2"} for one in GOOD]), 2, "is of dataset v2, not v1"),
    "a dataset that is no id": (a_registry(GOOD, "--dataset", "a/b"), 2, "'a/b'"),
    "a box of three": (a_registry(GOOD, "--bbox=1,2,3"), 2, "four numbers, W,S,E,N"),
    "a box of words": (a_registry(GOOD, "--bbox", "a,b,c,d"), 2, "four numbers, W,S,E,N"),
    "a box upside down": (a_registry(GOOD, "--bbox=0,1,1,0"), 2, "not a box"),
    "a box off the map": (a_registry(GOOD, "--bbox=0,0,181,1"), 2, "not a box"),
    "a box of nan": (a_registry(GOOD, "--bbox=nan,0,1,1"), 2, "not a box"),
    "a year of letters": (a_registry(GOOD, "--year", "abc"), 2, "--year"),
    "an unknown option": (a_registry(GOOD, "--prone"), 2, "--prone"),
    "one file too many": (a_registry(GOOD, "more"), 2, "more"),
    "no file": (lambda _: [], 2, "registry"),
    "no configuration": (a_registry(GOOD, "--stores", "/nothing.toml"), 2, "/nothing.toml"),
    "no TOML": (configured("stores = ["), 2, "is not TOML"),
    "no stores": (configured("stores = []"), 2, "no store is defined"),
    "a place for rejects that is none": (
        a_registry(GOOD, "--rejected", "/nothing/rows.csv"), 2,
        "/nothing/rows.csv: cannot be written: No such file"),
    "an address of nobody": (lambda _: ["https://127.0.0.1:1/registry.parquet"], 2, "127.0.0.1:1"),
    "an address of a folder": (lambda _: ["https://127.0.0.1/"], 2, "name a file, not a folder"),
    "an address of another kind": (lambda _: ["ftp://127.0.0.1/registry.parquet"], 2, "ftp://"),
}  # fmt: skip


def twice(folder: Path) -> list[object]:
    names = ["lat", "lon", "year", "lat"]
    table = pa.Table.from_arrays([pa.array([number]) for number in (1, 1, 2024, 1)], names=names)
    pq.write_table(table, folder / "registry.parquet")
    return [folder / "registry.parquet"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    """In this process, which is quicker, and without a database: none of them gets that far."""
    make, code, says = MISTAKES[mistake]
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", free_port())
    monkeypatch.delenv("TESSERA_STORES", raising=False)
    monkeypatch.setattr(sys, "argv", ["tessera-load", *map(str, make(tmp_path))])
    # How it ends where obstore is at work: this process is to go on.
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capfd.readouterr()
    assert (end.value.code, out) == (code, "")
    assert_one_line(err, says)


def assert_one_line(text: str, says: str) -> None:
    assert text.count("\n") == 1
    assert text.startswith("tessera-load: ")
    assert says in text
    assert "Traceback" not in text
    assert "bug" not in text


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def test_nothing_is_installed_for_a_bad_file(
    database: str, pg_env: dict[str, str], tmp_path: Path
) -> None:
    done = tessera_load(pg_env, *truncated(tmp_path), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "not a readable parquet file")
    assert value(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgstac'") == 0


# --- the server ------------------------------------------------------------------------------


SERVERS = {
    "nobody listens": (lambda: {"PGPORT": free_port()}, "cannot connect to PostgreSQL: "),
    "by a name of two addresses": (
        lambda: {"PGHOST": "localhost", "PGPORT": free_port()}, "refused"),
    "no such host": (lambda: {"PGHOST": "nothing.invalid"}, "nothing.invalid"),
    "wrong password": (lambda: {"PGPASSWORD": "wrong"}, "password authentication failed"),
    "no such database": (lambda: {"PGDATABASE": "nothing"}, 'database "nothing" does not exist'),
    "no such user": (lambda: {"PGUSER": "nobody"}, "nobody"),
    "no port at all": (lambda: {"PGPORT": "abc"}, "abc"),
}  # fmt: skip


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_cannot_be_reached_is_one_line(
    pg_env: dict[str, str], tmp_path: Path, server: str
) -> None:
    wrong, says = SERVERS[server]
    file = write(tmp_path / "registry.parquet", GOOD)
    done = tessera_load(pg_env | wrong(), file, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, says)
    assert "wrong" not in done.stderr


def test_a_database_of_another_pgstac_is_one_line(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    execute(migrated_database, "SELECT pgstac.set_version('0.9.10')")
    file = write(tmp_path / "registry.parquet", GOOD)
    for more in ((), ("--dry-run",)):
        done = tessera_load(migrated_pg_env, file, *more, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, "pgSTAC 0.9.10 in this database is not supported, 0.10 is")
    assert value(migrated_database, "SELECT count(*) FROM tessera.tile") == 0


def test_no_room_for_temporary_files_is_one_line(
    database: str, pg_env: dict[str, str], tmp_path: Path
) -> None:
    file = write(tmp_path / "registry.parquet", rows(5000))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = tessera_load(pg_env, file, folder=tmp_path, preexec_fn=little_room)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "TMPDIR")
    assert list(tmp_path.iterdir()) == [file]


# --- rejected rows ---------------------------------------------------------------------------

BAD = [
    *[row(0.1, 50.05)] * 3,
    *[row(0.05, 95.05)] * 2,
    row(0.05, 50.05, 1900),
    row(float("nan"), 50.05),
    row(0.05, 0.05, file_size=-1),
    row(0.05, 0.05, scales_size=2**50),
    row(0.05, 0.05, hash="abc"),
    row(0.05, 0.05, hash="z" * 64),
    *rows(4),
]
BAD_REASONS = {
    "off-grid": 3,
    "out of range": 3,
    "null key": 1,
    "bad size": 2,
    "bad hash": 2,
    "duplicate": 4,
}


def test_rejected_rows_are_counted_shown_and_written(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    file = write(tmp_path / "registry.parquet", [*rows(100), *BAD])
    table = tmp_path / "rejected.csv"
    done = tessera_load(
        migrated_pg_env, file, "--json", "--allow-rejected", "--rejected", table, folder=tmp_path
    )
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert (report["tiles"], report["inserted"], report["rejected"]) == (100, 100, len(BAD))
    assert report["rejected_by_reason"] == BAD_REASONS
    shown = done.stderr.splitlines()
    assert len(shown) == 10
    assert shown[0] == "row 100: off-grid (year 2024, lon 0.1, lat 50.05)"

    with table.open(newline="", encoding="utf-8") as lines:
        written = list(csv.DictReader(lines))
    assert Counter(line["reason"] for line in written) == BAD_REASONS
    assert [int(line["row"]) for line in written] == [100 + n for n in range(len(BAD))]
    assert written[7]["embeddings_size"] == "-1"
    assert written[9]["embeddings_sha256"] == "abc"
    assert len(search(migrated_database)) == 100


def test_one_in_a_hundred_is_let_through(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    refused = tmp_path / "rejected.csv"
    for good, code in ((98, 3), (99, 0)):
        file = write(tmp_path / "registry.parquet", [row(0.1, 0.05), *rows(good)])
        done = tessera_load(migrated_pg_env, file, "--rejected", refused, folder=tmp_path)
        assert done.returncode == code
        # Also when refused: to see what is wrong with them.
        assert len(refused.read_text().splitlines()) == 2
    assert value(migrated_database, "SELECT count(*) FROM tessera.tile") == 99


# --- registries that lie elsewhere -----------------------------------------------------------


def test_a_registry_behind_http(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    content = write(tmp_path / "local.parquet", rows(2000)).read_bytes()
    asked = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, content)

    with answering(answer) as address:
        url = f"{address}/v1/some%20place/registry.parquet"
        done = tessera_load(migrated_pg_env, url, "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["inserted"] == 2000
    assert set(asked) == {"/v1/some%20place/registry.parquet"}
    assert [path.name for path in tmp_path.iterdir()] == ["local.parquet"]


def refuse(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


ANSWERS: dict[str, tuple[Answer, str]] = {
    "not found": (refuse(404), "no such file"),
    "forbidden": (refuse(403), "other credentials"),
    "cut off": (lambda handler: send(handler, b"PAR1" * 1000, length=100_000), "registry.parquet"),
    "a page": (lambda handler: send(handler, b"<html>Please log in</html>"),
               "not a readable parquet file"),
    "nothing": (lambda handler: send(handler, b""), "not a readable parquet file"),
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_failed_fetch_is_one_line(
    migrated_pg_env: dict[str, str], tmp_path: Path, answer: str
) -> None:
    respond, says = ANSWERS[answer]
    with answering(respond) as address:
        done = tessera_load(migrated_pg_env, f"{address}/registry.parquet", folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, says)
        assert address in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_registry_in_s3(
    migrated_database: str,
    migrated_pg_env: dict[str, str],
    tmp_path: Path,
    s3_server: S3Server,
) -> None:
    bucket = s3_server.bucket()
    content = write(tmp_path / "local.parquet", rows(2000)).read_bytes()
    s3_server.objects(bucket).put("v1/registry.parquet", content)
    environment = migrated_pg_env | s3_server.environment | {"AWS_ENDPOINT_URL": s3_server.endpoint}
    url = f"s3://{bucket}/v1/registry.parquet"
    done = tessera_load(environment, url, "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["inserted"] == 2000

    for wrong, address in (
        ({"AWS_SECRET_ACCESS_KEY": "a wrong secret"}, url),
        ({}, f"s3://{bucket}/v1/nothing.parquet"),
        ({}, "s3://nothing-at-all/registry.parquet"),
    ):
        done = tessera_load(environment | wrong, address, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, address)
        assert s3_server.secret_key not in done.stderr
        assert "a wrong secret" not in done.stderr
    assert select(migrated_database, "SELECT count(*) FROM tessera.tile") == [(2000,)]
    assert sha("") not in done.stderr
