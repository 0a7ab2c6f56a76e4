"""Loads that are killed or interrupted, and databases that others have touched."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from registries import (
    STORES,
    by_id,
    contents,
    counts,
    execute,
    item_versions,
    load_file,
    load_rows,
    rows,
    search,
    select,
    start_load,
    tessera_load,
    value,
    write,
)

from tessera_catalog import catalogue
from tessera_catalog.database import connect
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.stores import Store
from tessera_catalog.synthetic import generate

TILES = 40_000
KILLS = 3


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A registry, and its next version: years patched, rebuilt, removed and new."""
    folder = tmp_path_factory.mktemp("registries")
    generate(folder, STORES, tiles=TILES, seed=3)
    first = folder / "registry.parquet"
    table = pq.read_table(first)
    table = table.filter(pc.not_equal(table["year"], 2020))
    pq.write_table(table, first)

    number = pa.array(range(table.num_rows))
    every = pc.if_else(pc.greater(table["year"], 2022), 10, 2)
    other = pc.equal(pc.subtract(number, pc.multiply(pc.divide(number, every), every)), 0)
    size = table["file_size"].combine_chunks()
    changed = table.set_column(
        table.schema.get_field_index("file_size"),
        "file_size",
        pc.if_else(other, pc.add(size, 1), size),
    )
    kept = changed.filter(pc.not_equal(changed["year"], 2017))
    new = table.filter(pc.equal(table["year"], 2018))
    new = new.set_column(new.schema.get_field_index("year"), "year", pa.array([2020] * len(new)))
    second = folder / "second.parquet"
    pq.write_table(pa.concat_tables([kept, new]), second)
    return [first, second]


def test_killed_at_any_moment(
    versions: list[Path],
    database: str,
    migrated_database: str,
    pg_env: dict[str, str],
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    for path in versions:
        begun = time.monotonic()
        load_file(migrated_database, path, prune=True, force=True)
        length = time.monotonic() - begun
        arguments = [path, "--prune", "--force", "--json"]
        for _ in range(KILLS):
            kill_after(source.uniform(0.3, 1 + length), pg_env, tmp_path, *arguments)
        done = tessera_load(pg_env, *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        here, undisturbed = contents(database), contents(migrated_database)
        assert here.keys() == undisturbed.keys()
        for part, rows_there in undisturbed.items():
            assert here[part] == rows_there, part
        again = load_file(database, path, prune=True, force=True)
        assert counts(again) == (0, 0, again.feed.tiles, 0)


def test_what_is_rolled_back_uses_up_no_number(migrated_database: str, tmp_path: Path) -> None:
    """Tables and ids of tiles have their dataset's number: a load after a kill is as any other."""
    begun = catalogue.new_series(STORES, "v1", 2024, STORES.primary.name)
    with connect(migrated_database) as connection, connection.transaction(force_rollback=True):
        assert catalogue.begin_series(connection, STORES, begun).dataset_no == 1
    load_rows(migrated_database, tmp_path, rows(1))
    load_rows(migrated_database, tmp_path, rows(1), dataset="v2")
    numbers = select(migrated_database, "SELECT dataset, dataset_no FROM tessera.dataset")
    assert sorted(numbers) == [("v1", 1), ("v2", 2)]


def kill_after(seconds: float, env: Mapping[str, str], folder: Path, *arguments: object) -> None:
    """Start a load and kill it; it may be done by then."""
    with start_load(env, *arguments, folder=folder) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            assert process.wait() == -signal.SIGKILL
        else:
            assert process.returncode == 0


@pytest.mark.parametrize(
    "moment", ["state = 'active' AND query ~* '^INSERT'", "wait_event_type = 'Lock'"]
)
def test_interrupted(
    versions: list[Path],
    migrated_database: str,
    migrated_pg_env: dict[str, str],
    tmp_path: Path,
    moment: str,
) -> None:
    """Ctrl-C while it writes, or waits for others: one line, and nothing left behind."""
    with (
        psycopg.connect(migrated_database) as connection,
        start_load(migrated_pg_env, versions[0], folder=tmp_path) as process,
    ):
        # No year can be finished meanwhile, however late the signal comes.
        connection.execute("LOCK TABLE tessera.tile IN SHARE UPDATE EXCLUSIVE MODE")
        wait_until(
            migrated_database,
            "SELECT count(*) > 0 FROM pg_stat_activity"
            f" WHERE datname = current_database() AND {moment}",
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "tessera-load: interrupted; run it again to go on\n"
    assert list(tmp_path.iterdir()) == []
    begun = select(
        migrated_database, "SELECT relname FROM pg_class WHERE relname ~ '_(new|replaced)$'"
    )
    assert begun == []


def wait_until(database: str, query: str) -> None:
    deadline = time.monotonic() + 60
    while not value(database, query):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_goes_away_is_one_line(
    versions: list[Path],
    migrated_database: str,
    migrated_pg_env: dict[str, str],
    tmp_path: Path,
) -> None:
    with start_load(migrated_pg_env, versions[0], folder=tmp_path) as process:
        mine = "datname = current_database() AND application_name = 'tessera'"
        # Who is sending rows meanwhile learns that the server is gone, but not why.
        wait_until(
            migrated_database,
            f"""WITH mine AS MATERIALIZED (
                SELECT pid, state = 'active' AS works, query FROM pg_stat_activity WHERE {mine}
            ), moment AS MATERIALIZED (
                SELECT bool_or(query ~* '^INSERT') AND NOT bool_or(query ~* '^COPY') AS is_it
                FROM mine WHERE works
            )
            SELECT count(pg_terminate_backend(pid)) > 0 FROM mine, moment WHERE is_it""",
        )
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err == (
        "tessera-load: PostgreSQL: terminating connection due to administrator command\n"
    )
    assert list(tmp_path.iterdir()) == []


# --- foreign hands ---------------------------------------------------------------------------

ITEM = "2024_grid_0.25_50.15"

ITEM_EDITS = {
    "deleted": f"SELECT pgstac.delete_item('{ITEM}')",
    "edited": f"""SELECT pgstac.update_item(jsonb_set(
        pgstac.get_item('{ITEM}'), '{{properties,title}}', '"Edited"'))""",
    "created": f"""SELECT pgstac.create_item(
        pgstac.get_item('{ITEM}') || '{{"id": "2024_grid_9.95_9.95"}}')""",
    "moved": f"UPDATE items SET geometry = ST_Translate(geometry, 1, 1) WHERE id = '{ITEM}'",
    "in its partition": f"""DO $$ BEGIN
        EXECUTE format('DELETE FROM %I WHERE id = %L',
            (SELECT partition FROM partitions WHERE collection = 'geotessera-2024'), '{ITEM}');
        END $$""",
    "the collection": "SELECT pgstac.delete_collection('geotessera-2024')",
    "all items": "TRUNCATE items",
}


@pytest.mark.parametrize("edit", ITEM_EDITS)
def test_items_that_others_changed_are_repaired(
    migrated_database: str, tmp_path: Path, edit: str
) -> None:
    content = [*rows(20, 2023), *rows(60)]
    load_rows(migrated_database, tmp_path, content)
    before, items = by_id(search(migrated_database)), item_versions(migrated_database)
    documents = value(migrated_database, "SELECT pgstac.all_collections()")
    execute(migrated_database, ITEM_EDITS[edit])
    assert by_id(search(migrated_database)) != before

    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, 0, 80, 0)
    assert by_id(search(migrated_database)) == before
    repaired = value(migrated_database, "SELECT pgstac.all_collections()")
    assert by_id(repaired) == by_id(documents)
    if edit != "all items":
        of_2023 = {name: item for name, item in items.items() if name.startswith("2023")}
        assert of_2023.items() <= item_versions(migrated_database).items()


TILE = "(lon_i, lat_i, year) = (25, 5015, 2024)"

TILE_EDITS = {
    "deleted": f"DELETE FROM tessera.tile WHERE {TILE}",
    "size": f"UPDATE tessera.tile SET embeddings_size = 3 WHERE {TILE}",
    "hash": f"UPDATE tessera.tile SET scales_sha256 = NULL WHERE {TILE}",
    "in its partition": f"UPDATE tessera.tile_1_2024 SET embeddings_mtime = now() WHERE {TILE}",
    "all": "TRUNCATE tessera.tile",
}


@pytest.mark.parametrize("edit", TILE_EDITS)
def test_tiles_that_others_changed_are_repaired(
    migrated_database: str, tmp_path: Path, edit: str
) -> None:
    content = [*rows(20, 2023), *rows(60)]
    load_rows(migrated_database, tmp_path, content)
    before = contents(migrated_database)
    execute(migrated_database, TILE_EDITS[edit])
    assert contents(migrated_database) != before
    inserted, updated, unchanged, removed = counts(load_rows(migrated_database, tmp_path, content))
    assert inserted + updated == (80 if edit == "all" else 1)
    assert (inserted + updated + unchanged, removed) == (80, 0)
    assert contents(migrated_database) == before


def test_a_tile_that_others_added_gets_its_item_or_goes(
    migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(60))
    execute(
        migrated_database,
        """INSERT INTO tessera.tile (id, dataset, year, lon_i, lat_i, stores)
           VALUES (tessera.tile_id(1, 2024, -5, -5), 'v1', 2024, -5, -5, '{okavango}')""",
    )
    load_rows(migrated_database, tmp_path, rows(60))
    assert "2024_grid_-0.05_-0.05" in by_id(search(migrated_database))
    assert counts(load_rows(migrated_database, tmp_path, rows(60), prune=True)) == (0, 0, 60, 1)
    assert len(search(migrated_database)) == 60


def test_a_tile_that_the_registry_has_no_more_and_others_removed(
    migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(60))
    execute(migrated_database, f"DELETE FROM tessera.tile WHERE {TILE}")
    without = [one for number, one in enumerate(rows(60)) if number != 42]
    assert counts(load_rows(migrated_database, tmp_path, without)) == (0, 0, 59, 0)
    assert ITEM not in by_id(search(migrated_database))


# --- another configuration -------------------------------------------------------------------


def test_items_follow_the_stores(migrated_database: str, database: str, tmp_path: Path) -> None:
    content = [*rows(20, 2023), *rows(30)]
    okavango, s3, scaleway = STORES.stores
    moved = okavango.model_copy(update={"url": "https://example.org/new place"})
    fourth = Store(name="fourth", title='The "fourth" 100 % <%s>', url="https://example.org/4")
    configurations = [
        (okavango, s3, scaleway),
        (moved, s3, scaleway),
        (moved, scaleway, s3),
        (moved, fourth, scaleway, s3),
        (fourth, okavango),
        (okavango, s3, scaleway),
    ]
    seen = []
    for stores in configurations:
        chosen = STORES.model_copy(update={"stores": stores})
        done = load_rows(migrated_database, tmp_path, content, stores=chosen, holder="okavango")
        assert done.changes.total in (0, 50)
        items = search(migrated_database)
        (home,) = [one.url for one in stores if one.name == "okavango"]
        names = [store.name for store in stores]
        for item in items:
            assert item["assets"]["embeddings"]["href"].startswith(f"{home}/")
            told = item["properties"]
            assert told["tessera:stores"] == ["okavango"]
            assert told["tessera:missing_stores"] == [n for n in names if n != "okavango"]
            flags = {key for key in told if key.startswith("tessera:in_")}
            assert flags == {f"tessera:in_{name}" for name in names}
        versions = item_versions(migrated_database)
        load_rows(migrated_database, tmp_path, content, stores=chosen, holder="okavango")
        assert item_versions(migrated_database) == versions
        seen.append(by_id(items))
    assert seen[0] == seen[-1]
    assert len({str(sorted(one.items())) for one in seen}) == len(seen) - 1


def test_another_holder(migrated_database: str, tmp_path: Path) -> None:
    """The registry turns out to be of another store: its tiles are there, the next ones too."""
    load_rows(migrated_database, tmp_path, [*rows(5, 2023), *rows(10)])
    for holder, count in (("s3", 10), ("s3", 11), ("okavango", 30)):
        load_rows(migrated_database, tmp_path, rows(count), holder=holder)
        found = search(migrated_database)
        assert len(found) == 5 + count
        for item in found:
            of_2024 = item["collection"] == "geotessera-2024"
            assert item["properties"]["tessera:stores"] == [holder if of_2024 else "okavango"]


def test_another_holder_leaves_what_a_link_has_said(migrated_database: str, tmp_path: Path) -> None:
    """Links are noted by hand here: of s3, and then of okavango too."""
    load_rows(migrated_database, tmp_path, rows(2))
    note = """
        INSERT INTO tessera.link (collection, store_id, digest, rows, unknown, manifest_digest,
                                  manifest_made)
        SELECT 'geotessera-2024', store_id, '', 0, 0, '', now() FROM tessera.store WHERE name = """
    place = f"UPDATE tessera.tile SET stores = '{{okavango,s3}}' WHERE NOT {OTHER}"
    execute(migrated_database, f"{note} 's3'", place)
    load_rows(migrated_database, tmp_path, rows(2), holder="scaleway")
    assert placed(migrated_database) == [["scaleway"], ["s3", "scaleway"]]
    execute(migrated_database, f"{note} 'scaleway'")
    load_rows(migrated_database, tmp_path, rows(2), holder="okavango")
    assert placed(migrated_database) == [["okavango", "scaleway"], ["okavango", "s3", "scaleway"]]
    load_rows(migrated_database, tmp_path, rows(2), holder="s3")
    assert placed(migrated_database) == [["scaleway"], ["s3", "scaleway"]]


OTHER = "lon_i = 5"


def placed(database: str) -> list[list[str]]:
    """Stores of the items, as their properties say, from west to east."""
    items = sorted(search(database), key=lambda item: item["bbox"])
    return [item["properties"]["tessera:stores"] for item in items]


def test_what_a_synthetic_registry_makes_says_so(migrated_database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "registry.parquet", rows(5), {SYNTHETIC_KEY: "{}"})
    load_file(migrated_database, path)
    for document in value(migrated_database, "SELECT pgstac.all_collections()"):
        assert "synthetic" in document["title"]
        assert "synthetic" in document["description"]
