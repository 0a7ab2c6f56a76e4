"""Loads side by side, and readers while years are changed."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from registries import (
    contents,
    load_rows,
    rows,
    sha,
    start_load,
    value,
    write,
)

from tessera_catalog.database import WAITING, connect, wait_for_load_lock
from tessera_catalog.migrations import migrate


def test_two_loads_at_once_on_an_empty_database(
    database: str, migrated_database: str, pg_env: dict[str, str], tmp_path: Path
) -> None:
    """They install the schema at once, too; the second finds what the first has loaded."""
    content = [*rows(400, 2023), *rows(400)]
    file = write(tmp_path / "registry.parquet", content)
    processes = [start_load(pg_env, file, "--json", folder=tmp_path) for _ in range(2)]
    reports = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0
        assert set(err.splitlines()) <= {WAITING}
        reports.append(json.loads(out))
    assert sorted(report["inserted"] for report in reports) == [0, 800]
    assert sorted(report["unchanged"] for report in reports) == [0, 800]
    load_rows(migrated_database, tmp_path, content)
    assert contents(database) == contents(migrated_database)


def test_two_different_loads_at_once(
    database: str, migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    both = [*rows(300, 2023), *rows(300), *rows(300, first=5000)]
    files = [
        write(tmp_path / "one.parquet", [*rows(300, 2023), *rows(300)]),
        write(tmp_path / "two.parquet", [*rows(300, 2023), *rows(300, first=5000)]),
    ]
    processes = [start_load(migrated_pg_env, file, folder=tmp_path) for file in files]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0
        assert set(err.splitlines()) <= {WAITING}
    load_rows(database, tmp_path, both)
    here, at_once = contents(migrated_database), contents(database)
    # The fingerprint is of the registry that came last.
    for part in here.keys() - {"series"}:
        assert here[part] == at_once[part]


def test_a_load_waits_for_the_one_at_work(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    file = write(tmp_path / "registry.parquet", rows(10))
    with connect(migrated_database, autocommit=True) as connection:
        wait_for_load_lock(connection, lambda _: pytest.fail("nobody is at work"))
        with start_load(migrated_pg_env, file, folder=tmp_path) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)
            told: list[str] = []
            with connect(migrated_database, autocommit=True) as third:
                third.execute("SET statement_timeout = '100ms'")
                with pytest.raises(psycopg.errors.QueryCanceled):
                    wait_for_load_lock(third, told.append)
            assert told == [WAITING]
            connection.close()
            out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, f"{WAITING}\n")
    assert "10 new" in out


def test_two_migrations_at_once(database: str) -> None:
    """Of an empty database; both end well, and all is there once."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(database)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    names = value(database, "SELECT array_agg(name ORDER BY name) FROM public.tessera_migration")
    assert names[0] == "0001_catalogue.sql"
    assert value(database, "SELECT count(*) FROM pgstac.migrations") == 1


# --- readers ---------------------------------------------------------------------------------

OLD, NEW = 1_000_000, 2_000_000
"""Embeddings' sizes before and after."""

YEAR = "geotessera-2024"

SEARCH = json.dumps(
    {
        "collections": [YEAR],
        "limit": 2000,
        "fields": {"include": ["assets.embeddings.file:size"]},
        "conf": {"context": "on"},
    }
)


View = tuple[int, int, set[int]]
"""Items counted, items read, and the sizes that they tell."""


def by_search(connection: psycopg.Connection) -> View:
    """What a search finds."""
    ((found,),) = connection.execute("SELECT pgstac.search(%s)", [SEARCH]).fetchall()
    sizes = {item["assets"]["embeddings"]["file:size"] for item in found["features"]}
    return found["numberMatched"], len(found["features"]), sizes


def by_sql(connection: psycopg.Connection) -> View:
    (row,) = connection.execute(
        """SELECT count(*), count(*),
                  array_agg(DISTINCT (content #>> '{assets,embeddings,file:size}')::int)
           FROM pgstac.items WHERE collection = %s""",
        [YEAR],
    ).fetchall()
    return row[0], row[1], set(row[2] or ())


def by_page(connection: psycopg.Connection) -> View:
    """A page further on, and one item: both are found by their name first."""
    where, tile = YEAR.encode().hex(), b"2024_grid_0.15_50.05".hex()
    body = json.dumps({"collections": [YEAR], "limit": 1, "token": f"next:{where}:{tile}"})
    ((page, item),) = connection.execute(
        "SELECT pgstac.search(%s), pgstac.get_item('2024_grid_0.05_50.05', %s)", [body, YEAR]
    ).fetchall()
    return 1, len(page["features"]), {item["assets"]["embeddings"]["file:size"]}


def by_tiles(connection: psycopg.Connection) -> View:
    (row,) = connection.execute(
        """SELECT count(*), count(*), array_agg(DISTINCT embeddings_size::int)
           FROM tessera.tile WHERE year = 2024"""
    ).fetchall()
    return row[0], row[1], set(row[2] or ())


@contextmanager
def readers(database: str) -> Iterator[dict[str, list[View]]]:
    """Let one reader of each kind read all the time; what each saw, without repetitions."""
    seen: dict[str, list[View]] = {}
    errors: list[BaseException] = []
    stop = threading.Event()
    ways: list[Callable[[psycopg.Connection], View]] = [
        by_search,
        by_sql,
        by_tiles,
        by_page,
    ]

    def read(way: Callable[[psycopg.Connection], View]) -> None:
        views = seen[way.__name__] = []
        options = "-c search_path=pgstac,public -c pgstac.readonly=true"
        try:
            with psycopg.connect(database, autocommit=True, options=options) as connection:
                while not stop.is_set():
                    view = way(connection)
                    if not views or views[-1] != view:
                        views.append(view)
                    stop.wait(0.005)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=read, args=[way]) for way in ways]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []


@pytest.mark.parametrize(
    ("count", "more", "share"),
    [(400, 20, 0.1), (400, 80, 1.0), (400, -80, 1.0)],
    ids=["patched", "rebuilt and grown", "rebuilt and shrunk"],
)
def test_readers_see_the_old_or_the_new(
    migrated_database: str, tmp_path: Path, count: int, more: int, share: float
) -> None:
    content = [{**one, "file_size": OLD} for one in rows(max(count, count + more))]
    load_rows(migrated_database, tmp_path, [*content[:count], *rows(100, 2023)])
    changed = [
        {**one, "file_size": NEW, "hash": sha(f"new {number}")} if number % 10 < share * 10 else one
        for number, one in enumerate(content)
    ]
    new = changed[: count + more]
    rest = rows(100, 2023)
    with readers(migrated_database) as seen:
        for turn in range(20):
            for state in (new, content[:count]):
                load_rows(migrated_database, tmp_path, [*state, *rest], prune=True, force=True)
            if turn and all(len(views) > 2 for views in seen.values()):
                break
    sizes = {one["file_size"] for one in new}
    for way, views in seen.items():
        assert len(views) > 2, f"{way} saw no change"
        counts, states = {count, len(new)}, [(count, {OLD}), (len(new), sizes)]
        if way == "by_page":
            counts, states = {1}, [(1, {OLD}), (1, {NEW})]
        for matched, *state in views:
            # A search counts first, by itself, and reads then.
            assert matched in counts, way
            assert tuple(state) in states, way


def test_a_reader_with_an_old_snapshot_holds_the_swap_up_and_no_other_reader(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    """Someone reads for long: the load waits for them, and others go on reading meanwhile."""
    content = rows(200)
    load_rows(migrated_database, tmp_path, content)
    other = [{**one, "hash": sha("other")} for one in content]
    file = write(tmp_path / "registry.parquet", other)
    with psycopg.connect(migrated_database) as slow:
        slow.execute("SELECT count(*) FROM pgstac.items")
        with start_load(migrated_pg_env, file, folder=tmp_path) as process:
            for _ in range(4):
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(1.5)
                with psycopg.connect(migrated_database) as quick:
                    quick.execute("SET statement_timeout = '10s'")
                    assert quick.execute("SELECT count(*) FROM pgstac.items").fetchone() == (200,)
            slow.rollback()
            out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "200 changed" in out
