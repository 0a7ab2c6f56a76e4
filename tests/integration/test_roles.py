"""What each role of the database can do, and that it can do nothing else: tried as that role.

The server is set up as deploy/kubernetes/database.yaml has it: by those statements as superuser,
and from then on by an owner who is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import api_catalogue
import httpx
import psycopg
import pytest
import yaml
from api_server import running
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo
from registries import load_rows, rows, value

from tessera_api.database import session
from tessera_api.settings import DatabaseSettings
from tessera_catalog.errors import Failed
from tessera_catalog.migrations import migrate
from tessera_local.server import Server
from tessera_local.throwaway import throwaway_cluster

ROOT = Path(__file__).resolve().parents[2]
OWNER, API, READER = "tessera_owner", "tessera_api", "tessera_reader"
PASSWORD = "of-this-test-alone"

REFUSED = errors.InsufficientPrivilege


def manifest() -> dict[str, object]:
    text = (ROOT / "deploy" / "kubernetes" / "database.yaml").read_text()
    (cluster,) = (each for each in yaml.safe_load_all(text) if each["kind"] == "Cluster")
    spec: dict[str, object] = cluster["spec"]
    return spec


class World:
    """The catalogue's server, and its roles' connection strings."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def login(self, role: str) -> str:
        return make_conninfo(self.server.conninfo("tessera"), user=role, password=PASSWORD)

    @property
    def superuser(self) -> str:
        return self.server.conninfo("tessera")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A server of this module's own, for roles belong to a server; the catalogue is loaded."""
    spec = manifest()
    bootstrap = spec["bootstrap"]["initdb"]  # type: ignore[index]
    assert (bootstrap["database"], bootstrap["owner"]) == ("tessera", OWNER)
    with throwaway_cluster() as server:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
            connection.execute(f"CREATE DATABASE tessera TEMPLATE template0 OWNER {OWNER}".encode())
        made = World(server)
        with psycopg.connect(made.superuser, autocommit=True) as connection:
            for statement in bootstrap["postInitApplicationSQL"]:
                connection.execute(statement.encode())
            for role in spec["managed"]["roles"]:  # type: ignore[index]
                more = "CREATEROLE" if role.get("createrole") else ""
                limit = f"CONNECTION LIMIT {role.get('connectionLimit', -1)}"
                connection.execute(
                    f"ALTER ROLE {role['name']} {more} {limit} PASSWORD '{PASSWORD}'".encode()
                )
        migrate(made.login(OWNER))
        api_catalogue.fill(made.login(OWNER))
        yield made


def attempt(world: World, role: str, statement: str) -> None:
    """Try a statement as a role, which has taken away its own reminder that it only reads."""
    with psycopg.connect(world.login(role), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(statement.encode())


# --- what each must be able to do --------------------------------------------------------------


def test_the_owner_loads_and_links_without_being_a_superuser(world: World, tmp_path: Path) -> None:
    """The catalogue of this module was loaded and linked by it; now one more year is, and again."""
    count = "SELECT count(*) FROM pgstac.items WHERE (collection = 'geotessera-2030') = %s"
    assert value(world.login(OWNER), "SELECT current_setting('is_superuser')") == "off"
    assert value(world.login(OWNER), count, False) == api_catalogue.TILES
    for tiles in (5, 8):
        load_rows(world.login(OWNER), tmp_path, rows(tiles, 2030))
        assert value(world.login(API), count, True) == tiles


def test_the_api_serves_all_it_has_as_its_role(world: World) -> None:
    environment = world.server.environment("tessera") | {
        "TESSERA_API_PGUSER": API,
        "TESSERA_API_PGPASSWORD": PASSWORD,
    }
    collection = "geotessera-2021"
    with running(environment) as address, httpx.Client(base_url=address, timeout=60) as client:
        for path in (
            "/",
            "/collections",
            f"/collections/{collection}/items?limit=5",
            f"/collections/{collection}/items/2021_grid_0.05_52.05",
            "/search?limit=5&filter=%22tessera:lat%22%2B1%3E54",
            "/queryables",
            "/sortables",
            "/summary",
            f"/coverage/{collection}.png",
            f"/tiles/{collection}/6/32/21.mvt",
            "/features/collections",
            "/features/collections/tessera.tile/items?limit=5",
            "/features/collections/tessera.coverage/items?limit=5",
            "/_mgmt/health",
        ):
            assert client.get(path).status_code == 200, path


def test_readers_have_the_tables_and_the_functions_of_analysts(world: World) -> None:
    for query in (
        "SELECT count(*) > 0 FROM tessera.tile",
        "SELECT count(*) > 0 FROM tessera.tile_store",
        "SELECT count(*) > 0 FROM tessera.store_summary",
        "SELECT count(*) > 0 FROM tessera.gaps",
    ):
        assert value(world.login(READER), query) is True


# --- what none of them can ---------------------------------------------------------------------

SERVER = {
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_read_binary_file('postgresql.conf')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_ls_logdir()",
    "SELECT pg_stat_file('/etc/passwd')",
    "COPY (SELECT 1) TO '/tmp/tessera-test'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(1, '/tmp/tessera-test')",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
    "LOAD '/usr/lib/postgresql/15/lib/dblink.so'",
    "ALTER SYSTEM SET log_statement = 'all'",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_promote()",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT * FROM pg_file_settings",
    "CREATE PUBLICATION x FOR ALL TABLES",
    "CREATE DATABASE x",
    "CREATE TABLESPACE x LOCATION '/tmp'",
    "CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION now()",
}
"""The machine and the server."""

SECRETS = {
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM pg_subscription",
    "SELECT umoptions FROM pg_user_mapping",
    "SELECT * FROM pg_largeobject",
}
"""Other roles' passwords, and what else the system's tables keep back."""

BECOME = {
    "SET ROLE tessera",
    "SET SESSION AUTHORIZATION tessera",
    "ALTER ROLE tessera PASSWORD 'x'",
    "ALTER ROLE tessera_reader SUPERUSER",
    "GRANT pg_read_server_files TO tessera_reader",
    "CREATE ROLE x SUPERUSER",
    "CREATE ROLE x REPLICATION",
}
"""Another role (`tessera` is the superuser of this server)."""

BELONGS_TO_OTHERS = {
    f"SET ROLE {OWNER}",
    "SET ROLE pgstac_admin",
    "SET ROLE pgstac_ingest",
    "SET ROLE pgstac_read",
    f"ALTER ROLE {OWNER} PASSWORD 'x'",
    f"GRANT {OWNER} TO tessera_reader",
    "CREATE ROLE x",
    "CREATE SCHEMA x",
    "CREATE TABLE public.x ()",
    "CREATE TABLE tessera.x ()",
    "CREATE TABLE pgstac.x ()",
    "CREATE TEMPORARY TABLE x ()",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE EXTENSION pgcrypto",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "DROP TABLE tessera.tile",
    "DROP SCHEMA tessera CASCADE",
    "DROP DATABASE tessera",
    "ALTER TABLE tessera.tile ADD COLUMN x int",
    "CREATE INDEX ON tessera.tile (id)",
    "INSERT INTO tessera.store (name, title, url) VALUES ('x', 'x', 'x')",
    "UPDATE tessera.tile SET embeddings_size = 1",
    "DELETE FROM tessera.tile",
    "TRUNCATE tessera.replica",
    "DO $$ BEGIN LOCK TABLE tessera.tile IN ACCESS EXCLUSIVE MODE; END $$",
    "SELECT FROM tessera.store FOR UPDATE",
    "SELECT nextval('tessera.revisions')",
    "DELETE FROM pgstac.items",
    "INSERT INTO pgstac.searches (search) VALUES ('{}')",
    "UPDATE pgstac.pgstac_settings SET value = 'x'",
    "DELETE FROM public.tessera_migration",
}
"""What the owner may do, and who reads may not."""


@pytest.mark.parametrize("statement", sorted(SERVER | SECRETS | BECOME | BELONGS_TO_OTHERS))
@pytest.mark.parametrize("role", [API, READER])
def test_who_reads_can_do_nothing_else(world: World, role: str, statement: str) -> None:
    with pytest.raises(REFUSED):
        attempt(world, role, statement)


IS_OLD = "SELECT current_setting('server_version_num')::int < 160000"


@pytest.mark.parametrize("statement", sorted(SERVER | SECRETS | BECOME))
def test_the_owner_has_the_catalogue_and_not_the_server(world: World, statement: str) -> None:
    if statement.startswith("GRANT pg_") and value(world.superuser, IS_OLD):
        pytest.skip("before PostgreSQL 16 who may create roles may grant any but a superuser")
    with pytest.raises(REFUSED):
        attempt(world, OWNER, statement)


@pytest.mark.parametrize("role", [API, READER])
def test_functions_that_act_for_their_owner_are_not_theirs_to_call(world: World, role: str) -> None:
    """But for triggers' functions, which nobody can call, and PostGIS's, which ask who may."""
    callable_ = """
        SELECT coalesce(array_agg(p.oid::regprocedure::text), '{}') FROM pg_proc p
        WHERE prosecdef AND prorettype <> 'trigger'::regtype
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
          AND has_schema_privilege(%s, pronamespace, 'USAGE')
          AND has_function_privilege(%s, p.oid, 'EXECUTE')"""
    there = "SELECT count(*) FROM pg_proc WHERE prosecdef AND prorettype <> 'trigger'::regtype"
    assert value(world.superuser, there) > 5
    assert value(world.superuser, callable_, role, role) == []


@pytest.mark.parametrize("role", [API, READER])
def test_others_sessions_cannot_be_seen_into_or_ended(world: World, role: str) -> None:
    with (
        psycopg.connect(world.login(OWNER)) as other,
        psycopg.connect(world.login(role), autocommit=True) as connection,
    ):
        pid = other.info.backend_pid
        other.execute("SELECT 'a secret of the owner'")
        seen = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]
        ).fetchone()
        assert seen == ("<insufficient privilege>",)
        for function in ("pg_terminate_backend", "pg_cancel_backend"):
            with pytest.raises(REFUSED):
                connection.execute(f"SELECT {function}(%s)".encode(), [pid])


@pytest.mark.parametrize("role", [API, READER])
def test_other_databases_of_the_server_show_them_nothing(world: World, role: str) -> None:
    """They may connect, as anybody may where PostgreSQL is as it came, and find it empty."""
    elsewhere = make_conninfo(world.login(role), dbname="postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection, pytest.raises(REFUSED):
        connection.execute("CREATE TABLE public.x ()")


# --- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [API, READER])
def test_a_session_begins_with_its_limits(world: World, role: str) -> None:
    wanted = {
        "default_transaction_read_only": "on",
        "statement_timeout": "20s" if role == API else "1min",
        "idle_in_transaction_session_timeout": "1min",
    }
    for name, setting in wanted.items():
        assert value(world.login(role), "SELECT current_setting(%s)", name) == setting


def test_the_role_has_what_the_api_asks_of_a_session(world: World) -> None:
    """A pool between does not hand on what it asks for."""
    asked = session(DatabaseSettings())
    with psycopg.connect(world.login(API)) as connection:

        def told(name: str) -> tuple[str, str | None]:
            """A setting, and where PostgreSQL has it from; it does not say so of pgSTAC's."""
            ((found, source),) = connection.execute(
                "SELECT current_setting(%s), (SELECT source FROM pg_settings WHERE name = %s)",
                [name, name],
            ).fetchall()
            return found.replace(" ", ""), source

        for name in asked.keys() - {"application_name", "timezone"}:
            begun, source = told(name)
            assert source in ("database user", None), name
            connection.execute("SELECT set_config(%s, %s, false)", [name, asked[name]])
            assert told(name)[0] == begun, name


@pytest.mark.parametrize("role", [API, READER])
def test_who_lifts_a_limit_still_writes_nothing(world: World, role: str) -> None:
    """PostgreSQL lets any session change these; what holds is what the role may do, and how many
    connections it may have."""
    with psycopg.connect(world.login(role), autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET pgstac.readonly = 'false'")
        with pytest.raises(REFUSED):
            connection.execute("DELETE FROM tessera.tile")
        for name, setting in (
            ("temp_file_limit", "-1"),
            ("log_statement", "'none'"),
            ("session_preload_libraries", "'x'"),
            ("zero_damaged_pages", "on"),
            ("session_replication_role", "'replica'"),
        ):
            with pytest.raises(REFUSED):
                connection.execute(f"SET {name} = {setting}".encode())


def test_a_search_that_may_write_its_cache_leaves_no_trace(world: World) -> None:
    state = (
        "SELECT (SELECT count(*) FROM pgstac.searches), (SELECT count(*) FROM pgstac.search_wheres)"
    )
    with psycopg.connect(world.superuser) as connection:
        before = connection.execute(state.encode()).fetchone()
    with psycopg.connect(world.login(API), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET pgstac.readonly = 'false'")
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT pgstac.search(%s)", [json.dumps({"ids": ["of-this-test"]})])
    with psycopg.connect(world.superuser) as connection:
        assert connection.execute(state.encode()).fetchone() == before


def test_a_role_that_changes_its_own_settings_has_the_old_ones_after_the_next_load(
    world: World,
) -> None:
    ask = "SELECT current_setting('statement_timeout')"
    attempt(world, READER, f"ALTER ROLE {READER} IN DATABASE tessera SET statement_timeout = 0")
    assert value(world.login(READER), ask) == "0"
    migrate(world.login(OWNER))
    assert value(world.login(READER), ask) == "1min"


def test_a_role_has_no_more_connections_than_it_is_given(world: World) -> None:
    limit = value(world.superuser, "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", READER)
    assert limit > 0
    with psycopg.connect(world.superuser, autocommit=True) as connection:
        limited = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        connection.execute(limited.format(sql.Identifier(READER), sql.Literal(1)))
        try:
            with psycopg.connect(world.login(READER)), pytest.raises(psycopg.OperationalError):
                psycopg.connect(world.login(READER))
        finally:
            connection.execute(limited.format(sql.Identifier(READER), sql.Literal(limit)))


def test_a_migration_by_who_may_not_is_one_line(world: World) -> None:
    with pytest.raises(Failed, match=r"^PostgreSQL: .*(permission denied|read-only)"):
        migrate(world.login(READER))
