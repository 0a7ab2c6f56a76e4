"""The schema: installed, versioned, refused where it is another; and what the roles may do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from registries import execute, load_rows, row, rows, select, value

from tessera_catalog import migrations as tessera
from tessera_catalog.database import connect
from tessera_catalog.errors import Failed, InputError
from tessera_catalog.migrations import PGSTAC_VERSION, migrate

MIGRATIONS = {
    path.name: path.read_text()
    for path in sorted((Path(tessera.__file__).parent / "sql" / "schema").iterdir())
}


def test_migrations_are_numbered_and_applied_in_order(migrated_database: str) -> None:
    files = list(MIGRATIONS)
    assert [name[:4] for name in files] == [f"{n + 1:04d}" for n in range(len(files))]
    applied = select(migrated_database, "SELECT name FROM public.tessera_migration ORDER BY name")
    assert [name for (name,) in applied] == files
    order = select(
        migrated_database, "SELECT name FROM public.tessera_migration ORDER BY applied_at"
    )
    assert order == applied


def test_migrating_again_changes_nothing(migrated_database: str) -> None:
    state = """
        SELECT (SELECT array_agg((t.name, t.xmin) ORDER BY t.name) FROM public.tessera_migration t),
               (SELECT array_agg((s.setrole, s.setconfig, s.xmin) ORDER BY s.setrole)
                FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                WHERE d.datname = current_database()),
               (SELECT max(xmin::text::bigint) FROM pg_proc)"""
    before = select(migrated_database, state)
    migrate(migrated_database)
    assert select(migrated_database, state) == before


def test_migrating_leaves_no_connection(database: str) -> None:
    migrate(database)
    others = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_type = 'client backend'"""
    deadline = time.monotonic() + 30
    while value(database, others):  # the server notices the end of a connection a little later
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_migration_that_fails_is_not_there_and_those_before_it_are(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third, *rest = MIGRATIONS
    broken = {name: MIGRATIONS[name] for name in (first, second)}
    broken[third] = "CREATE TABLE public.half (); SELECT 1 / 0"
    monkeypatch.setattr(tessera, "_migrations", lambda: broken)
    with pytest.raises(Failed, match="division by zero"):
        migrate(database)
    monkeypatch.undo()
    applied = "SELECT array_agg(name ORDER BY applied_at) FROM public.tessera_migration"
    assert value(database, applied) == [first, second]
    assert value(database, "SELECT to_regclass('public.half')") is None
    migrate(database)
    assert value(database, applied) == [first, second, third, *rest]


@pytest.mark.parametrize("version", ["0.9.10", "0.8.6", "unreleased"])
def test_a_pgstac_that_is_too_old(migrated_database: str, version: str) -> None:
    execute(migrated_database, f"SELECT pgstac.set_version('{version}')")
    with pytest.raises(InputError, match=rf"pgSTAC {version} .* {PGSTAC_VERSION} is: .*migrate"):
        migrate(migrated_database)


@pytest.mark.parametrize("version", ["1.0.0", "0.100.0", "0.11.0"])
def test_a_pgstac_that_is_too_new(migrated_database: str, version: str) -> None:
    execute(migrated_database, f"SELECT pgstac.set_version('{version}')")
    with pytest.raises(InputError, match=rf"pgSTAC {version} .* newer than {PGSTAC_VERSION}, "):
        migrate(migrated_database)


def test_a_patch_release_of_pgstac_will_do(migrated_database: str) -> None:
    execute(migrated_database, f"SELECT pgstac.set_version('{PGSTAC_VERSION}.99')")
    migrate(migrated_database)


def test_a_schema_of_a_newer_release(migrated_database: str) -> None:
    execute(
        migrated_database,
        "INSERT INTO public.tessera_migration (name, sha256) VALUES ('9999_later.sql', '')",
    )
    with pytest.raises(InputError, match=r"newer than this release .*9999_later\.sql"):
        migrate(migrated_database)


def test_a_schema_of_a_development_version(migrated_database: str) -> None:
    execute(
        migrated_database,
        "UPDATE public.tessera_migration SET sha256 = 'x' WHERE name = '0001_catalogue.sql'",
    )
    with pytest.raises(InputError, match=r"another 0001_catalogue\.sql than this release"):
        migrate(migrated_database)


def test_errors_of_the_server_are_one_line(migrated_database: str) -> None:
    with pytest.raises(Failed) as caught, connect(migrated_database) as connection:
        connection.execute("SELECT 1 / 0")
    assert str(caught.value) == "PostgreSQL: division by zero"


def test_a_failed_block_is_rolled_back(migrated_database: str) -> None:
    with pytest.raises(Failed), connect(migrated_database) as connection:
        connection.execute("CREATE TABLE public.gone (); SELECT 1 / 0")
    assert value(migrated_database, "SELECT to_regclass('public.gone')") is None


# --- roles -----------------------------------------------------------------------------------


@contextmanager
def session_of(database: str, role: str, *, read_only: bool = True) -> Iterator[psycopg.Connection]:
    """A session as one of the roles would have it: its privileges, and its settings."""
    settings = select(
        database,
        """SELECT split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
           FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
           WHERE s.setrole = %s::regrole
             AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        role,
    )
    assert ("default_transaction_read_only", "on") in settings
    with psycopg.connect(database, autocommit=True) as connection:
        for name, setting in settings:
            connection.execute("SELECT set_config(%s, %s, false)", [name, setting])
        if not read_only:
            # Who connects may change the setting: the privileges must do without it.
            connection.execute("SET default_transaction_read_only = off")
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        yield connection


@pytest.fixture
def loaded_database(migrated_database: str, tmp_path: Path) -> str:
    load_rows(migrated_database, tmp_path, [*rows(20, 2023), *rows(30), row(-0.05, -0.05)])
    return migrated_database


def test_the_api_searches(loaded_database: str) -> None:
    """Without a trace in pgSTAC's caches, counted, and hydrated."""
    with session_of(loaded_database, "tessera_api") as connection:
        ((readonly, limit),) = connection.execute(
            "SELECT current_setting('pgstac.readonly'), current_setting('statement_timeout')"
        ).fetchall()
        assert (readonly, limit) == ("true", "20s")
        ((found,),) = connection.execute(
            "SELECT search(%s)", [json.dumps({"bbox": [-1, -1, 0, 0], "limit": 5})]
        ).fetchall()
        ((item,),) = connection.execute(
            "SELECT get_item('2024_grid_-0.05_-0.05', 'geotessera-2024')"
        ).fetchall()
        ((collections,),) = connection.execute("SELECT all_collections()").fetchall()
        ((queryables,),) = connection.execute("SELECT get_queryables(NULL::text)").fetchall()
        ((matching,),) = connection.execute(
            "SELECT search(%s) -> 'numberMatched'",
            [json.dumps({"filter": {"op": "a_contains", "args": [
                {"property": "tessera:missing_stores"}, ["s3"]]}})],
        ).fetchall()  # fmt: skip
    assert found["numberMatched"] == 1
    assert [one["id"] for one in found["features"]] == [item["id"]]
    assert len(collections) == 2
    assert "tessera:stores" in queryables["properties"]
    assert matching == 51
    for cache in ("searches", "search_wheres", "format_item_cache"):
        assert value(loaded_database, f"SELECT count(*) FROM {cache}") == 0


def test_readers_read_the_tiles(loaded_database: str) -> None:
    with session_of(loaded_database, "tessera_reader") as connection:
        near = connection.execute(
            """SELECT count(*) FROM tessera.tile
               WHERE ST_Intersects(geom, ST_MakeEnvelope(-1, -1, -0.01, -0.01, 4326))"""
        ).fetchone()
        assert near == (1,)
        assert connection.execute("SELECT count(*) FROM tessera.replica").fetchone() == (0,)
        for table in ("pgstac.items", "pgstac.collections", "public.tessera_migration"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT FROM {table}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pgstac.search('{}')")


TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE relnamespace::regnamespace::text IN ('pgstac', 'tessera', 'public')
      AND relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                      WHERE d.objid = c.oid AND d.deptype = 'e')"""

WRITES = """
    SELECT count(*) FROM ({tables}) t (name), pg_class c
    WHERE c.oid = t.name::regclass AND CASE
        WHEN c.relkind = 'S' THEN has_sequence_privilege('{role}', c.oid, 'USAGE, UPDATE')
        ELSE has_table_privilege('{role}', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
             OR has_any_column_privilege('{role}', c.oid, 'INSERT, UPDATE') END"""


@pytest.mark.parametrize("role", ["tessera_api", "tessera_reader"])
def test_roles_write_nothing(loaded_database: str, role: str) -> None:
    """By privilege, whatever the settings say: no table, no sequence, no new object."""
    assert value(loaded_database, f"SELECT count(*) FROM ({TABLES}) t") > 20
    assert value(loaded_database, WRITES.format(tables=TABLES, role=role)) == 0
    for schema in ("pgstac", "tessera", "public"):
        can = f"SELECT has_schema_privilege('{role}', '{schema}', 'CREATE')"
        assert value(loaded_database, can) is False
    statements = [
        "INSERT INTO tessera.store (name, title, url) VALUES ('x', 'x', 'x')",
        "UPDATE tessera.tile SET embeddings_size = 1",
        "DELETE FROM tessera.tile_1_2024",
        "TRUNCATE tessera.tile",
        "DROP TABLE tessera.replica",
        "SELECT nextval('tessera.revisions')",
        "CREATE TABLE public.mine ()",
        "CREATE FUNCTION tessera.mine() RETURNS int LANGUAGE sql RETURN 1",
        "DELETE FROM pgstac.items",
        "UPDATE pgstac.collections SET content = '{}'",
        "SELECT pgstac.delete_item('2024_grid_-0.05_-0.05')",
        "SELECT pgstac.delete_collection('geotessera-2024')",
        """SELECT pgstac.create_collection('{"id": "mine"}')""",
        "SELECT pgstac.check_partition('geotessera-2024', '[2024-01-01,2024-01-01]', "
        "'[2024-01-01,2024-01-01]')",
        "SELECT pgstac.update_partition_stats('_items_1')",
        "SELECT pgstac.set_version('0')",
    ]
    for read_only in (True, False):
        with session_of(loaded_database, role, read_only=read_only) as connection:
            for statement in statements:
                refusals = (
                    psycopg.errors.InsufficientPrivilege,
                    psycopg.errors.ReadOnlySqlTransaction,
                )
                with pytest.raises(refusals if read_only else refusals[0]):
                    connection.execute(statement.encode())


@pytest.mark.parametrize("role", ["tessera_api", "tessera_reader"])
def test_roles_have_their_settings_in_each_database(migrated_database: str, role: str) -> None:
    with session_of(migrated_database, role) as connection:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            ((setting,),) = connection.execute(
                "SELECT current_setting(%s)::interval > '0'", [name]
            ).fetchall()
            assert setting is True


def test_roles_reach_tables_of_years_loaded_later(loaded_database: str, tmp_path: Path) -> None:
    load_rows(loaded_database, tmp_path, rows(5, 2020))
    for role in ("tessera_api", "tessera_reader"):
        with session_of(loaded_database, role) as connection:
            assert connection.execute("SELECT count(*) FROM tessera.tile_1_2020").fetchone() == (5,)
