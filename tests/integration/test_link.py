"""Linking manifests: what the catalogue shows afterwards, and what it costs."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import manifest_rows
import psycopg
import pyarrow as pa
import pytest
from registries import (
    STORES,
    Row,
    by_id,
    contents,
    environment,
    execute,
    item_versions,
    load_file,
    load_rows,
    rows,
    search,
    select,
    value,
)
from truth_table import TABLE

from tessera_catalog.database import Connection, connect
from tessera_catalog.errors import InputError
from tessera_catalog.grid import cell
from tessera_catalog.items import commit
from tessera_catalog.link_years import Linked
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS
from tessera_catalog.stores import Stores
from tessera_sync import linking, manifests

SYNC = Path(sys.executable).parent / "tessera-sync"
MADE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)

Link = Callable[..., Linked]


@pytest.fixture
def link(migrated_pg_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Link:
    """Link the manifests of tmp_path with the test's own database."""
    for name, text in migrated_pg_env.items():
        monkeypatch.setenv(name, text)

    def follow(stores: Stores = STORES, **options: Any) -> Linked:
        return linking.follow(tmp_path, stores, "v1", **options)

    return follow


def tell(folder: Path, store: str, told: list[Row]) -> None:
    """Write a store's manifest with these rows, in a registry's terms."""
    years: dict[int, list[dict[str, Any]]] = {}
    for one in told:
        lon_i, lat_i = round(one["lon"] * 100), round(one["lat"] * 100)
        years.setdefault(one["year"], []).append(
            {
                "year": one["year"],
                "lon_i": lon_i,
                "lat_i": lat_i,
                "embeddings_size": one.get("file_size"),
                "scales_size": one.get("scales_size"),
                "embeddings_sha256": bytes.fromhex(one["hash"]) if one.get("hash") else None,
                "scales_sha256": bytes.fromhex(one["scales_hash"])
                if one.get("scales_hash")
                else None,
                "verified_at": one.get("verified"),
                "cell": cell(lon_i, lat_i),
            }
        )
    tables = {}
    for year, of_year in years.items():
        of_year.sort(key=lambda one: one.pop("cell"))
        tables[year] = pa.Table.from_pylist(of_year, schema=ROWS)
    about = About(store, "v1", MADE, "a test", "0")
    with manifests.lock(folder, store):
        manifests.save(folder, about, tables)


def shown(database: str) -> dict[str, tuple[list[str], list[str]]]:
    """What each item says of the stores that hold it and of those that lack it."""
    return {
        item["id"]: (
            item["properties"]["tessera:stores"],
            item["properties"]["tessera:missing_stores"],
        )
        for item in search(database)
    }


def item_of(one: Row) -> str:
    return f"{one['year']}_grid_{one['lon']:.2f}_{one['lat']:.2f}"


def test_items_name_the_stores_that_hold_them(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(30)
    load_rows(migrated_database, tmp_path, content)
    stranger = rows(1, first=500)
    tell(tmp_path, "okavango", content[:29])
    tell(tmp_path, "s3", [{**content[0], "file_size": 1}, *content[1:20], *stranger])
    tell(tmp_path, "scaleway", [{**content[5], "scales_size": 0}, *content[6:10]])
    linked = link()

    assert linked.unknown == {"s3": 1}
    assert linked.copies == {"okavango": 29, "s3": 20, "scaleway": 5}
    assert linked.collections == ["geotessera-2024"]
    items = by_id(search(migrated_database))
    for number, one in enumerate(content):
        # Sound copies; a stale or incomplete one is neither held nor missing.
        held = [
            name
            for name, has in (
                ("okavango", number < 29),
                ("s3", 1 <= number < 20),
                ("scaleway", 6 <= number < 10),
            )
            if has
        ]
        unsound = {0: ["s3"], 5: ["scaleway"]}.get(number, [])
        item = items[item_of(one)]
        properties = item["properties"]
        assert properties["tessera:stores"] == held
        assert properties["tessera:missing_stores"] == [
            name for name in STORES.names if name not in held + unsound
        ]
        assert properties["tessera:store_count"] == len(held)
        for name in STORES.names:
            assert properties[f"tessera:in_{name}"] == (name in held)
        stem = f"2024/grid_{one['lon']:.2f}_{one['lat']:.2f}/grid_{one['lon']:.2f}_{one['lat']:.2f}"
        if not held:
            assert item["assets"] == {}
            continue
        for key, file in (("embeddings", ".npy"), ("embeddings_scales", "_scales.npy")):
            asset = item["assets"][key]
            links = {name: f"{STORES.get(name).url}/{stem}{file}" for name in held}
            assert asset["href"] == links.pop(held[0])
            others = {name: one["href"] for name, one in asset.get("alternate", {}).items()}
            assert others == links


def test_a_first_link_leaves_the_indexes_of_tiles_alone(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(2000)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "s3", content)
    assert link().tiles == len(content)
    # A heap-only update finds room on the tile's own page.
    assert select(
        migrated_database,
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname LIKE 'tile_%_2024'",
    ) == [(len(content), len(content))]


def test_only_changed_tiles_are_rewritten(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(200, 2023) + rows(200, 2024)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "s3", content[:390])
    link()
    assert link() == Linked()

    for keep_last_linked in (True, False):
        before = item_versions(migrated_database)
        revision = value(migrated_database, "SELECT tessera.revision()")
        missing = content[250:253] if keep_last_linked else []
        tell(tmp_path, "s3", [one for one in content[:390] if one not in missing])
        if not keep_last_linked:
            shutil.rmtree(tmp_path / ".linked")
        linked = link()
        after = item_versions(migrated_database)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {item_of(one) for one in content[250:253]}
        assert linked.tiles == 3
        assert linked.collections == ["geotessera-2024"]
        assert value(migrated_database, "SELECT tessera.revision()") > revision


def test_a_tile_is_on_the_registrys_store_until_its_manifest_is_linked(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(10)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "s3", content[:2])
    link()
    assert shown(migrated_database)[item_of(content[0])][0] == ["okavango", "s3"]
    assert shown(migrated_database)[item_of(content[9])][0] == ["okavango"]
    tell(tmp_path, "okavango", content[:9])
    link()
    assert shown(migrated_database)[item_of(content[9])] == ([], list(STORES.names))


def test_verification_shows(link: Link, migrated_database: str, tmp_path: Path) -> None:
    content = rows(3)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", [content[0] | {"verified": MADE}, *content[1:]])
    link()
    items = by_id(search(migrated_database))
    verified = [items[item_of(one)]["properties"].get("tessera:verified") for one in content]
    assert verified == ["2026-11-01T00:00:00Z", None, None]


def test_a_load_after_a_link_is_settled_by_the_next_link(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(40)
    load_rows(migrated_database, tmp_path, content[:39])
    for store in ("okavango", "s3"):
        tell(tmp_path, store, content)
    assert link().unknown == {"okavango": 1, "s3": 1}
    # The registry learns of a tile that the stores had all along, and of a new version of another.
    newer = [{**content[0], "file_size": 7}, *content[1:]]
    load_rows(migrated_database, tmp_path, newer)
    linked = link()
    assert not linked.unknown
    seen = shown(migrated_database)
    assert seen[item_of(content[39])] == (["okavango", "s3"], ["scaleway"])
    assert seen[item_of(content[0])] == ([], ["scaleway"])
    assert link() == Linked()


def test_a_tile_that_came_and_went_between_two_links_leaves_nothing_to_do(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(40)
    load_rows(migrated_database, tmp_path, content[:39])
    tell(tmp_path, "okavango", content[:39])
    link()
    load_rows(migrated_database, tmp_path, content)
    load_rows(migrated_database, tmp_path, content[:39], prune=True)
    revision = value(migrated_database, "SELECT tessera.revision()")
    assert link() == Linked()
    assert value(migrated_database, "SELECT tessera.revision()") == revision


def test_tiles_of_years_that_the_registry_lacks_are_told(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(3))
    tell(tmp_path, "okavango", rows(3))
    tell(tmp_path, "s3", rows(4) + rows(2, 2020))
    for _ in "ab":
        assert link().unknown == {"s3": 3}


def test_a_year_that_is_gone_is_unknown_for_as_long_as_a_store_has_it(
    link: Link, migrated_database: str, tmp_path: Path, three_stores: list[Row]
) -> None:
    link()
    of_2024 = three_stores[:12]
    load_rows(migrated_database, tmp_path, of_2024, prune=True, force=True)
    assert link().unknown == {"okavango": 4, "s3": 2, "scaleway": 1}
    tell(tmp_path, "okavango", of_2024)
    tell(tmp_path, "s3", of_2024)
    assert link().unknown == {"scaleway": 1}
    # It is not remembered of a store either that goes now.
    link(TWO)
    assert value(migrated_database, "SELECT tessera.store_count_of_all()") == 2


def test_a_dry_run_tells_and_changes_nothing(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(20)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "scaleway", content[:4])
    before = contents(migrated_database)
    would = link(dry_run=True)
    assert contents(migrated_database) == before
    assert value(migrated_database, "SELECT count(*) FROM tessera.link") == 0
    assert would.tiles == 4
    assert link() == would


TWO = STORES.model_copy(update={"stores": STORES.stores[:2]})


def registered(known: manifest_rows.Row, number: int) -> Row:
    """What a manifest knows of a tile, in a registry's terms, as the tile of that number."""
    names = {
        "embeddings_size": "file_size",
        "scales_size": "scales_size",
        "embeddings_sha256": "hash",
        "scales_sha256": "scales_hash",
    }
    said = {names[name]: what for name, what in known.items() if what is not None}
    place = {name: rows(1, first=number)[0][name] for name in ("lon", "lat", "year")}
    return place | {
        name: what.hex() if isinstance(what, bytes) else what for name, what in said.items()
    }


def test_copies_are_judged_as_between_two_stores(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    """The registry is the source. What is broken in the source is judged by the copy alone."""
    cases = [
        (registered(source, number), target and registered(target, number), state)
        for number, (_, source, target, state) in enumerate(TABLE)
        if source is not None and state != "broken"
    ]
    assert len(cases) > 15
    load_rows(migrated_database, tmp_path, [source for source, _, _ in cases])
    tell(tmp_path, "s3", [target for _, target, _ in cases if target is not None])
    link()
    query = """
        SELECT t.lon, t.lat, coalesce(r.state, 'missing')
        FROM tessera.tile t LEFT JOIN tessera.replica r ON r.tile_id = t.id"""
    assert sorted(select(migrated_database, query)) == sorted(
        (source["lon"], source["lat"], state) for source, _, state in cases
    )


# Wherever a store may be named, or counted.
NAMED = {
    "tiles": "SELECT stores, unsound_stores, store_count, verified::text FROM tessera.tile "
    "ORDER BY id",
    "placements": "SELECT collection, stores, unsound_stores, tiles FROM tessera.placement "
    "ORDER BY 1, 2, 3",
    "coverage": "SELECT id, held FROM tessera.coverage ORDER BY 1",
    "replicas": "SELECT tile_id, name, state FROM tessera.replica JOIN tessera.store "
    "USING (store_id) ORDER BY 1, 2",
    "all replicas": "SELECT count(*) FROM tessera.replica",
    "links": "SELECT collection, name, rows, unknown FROM tessera.link JOIN tessera.store "
    "USING (store_id) ORDER BY 1, 2",
    "stores": "SELECT name, preference FROM tessera.store ORDER BY 2",
    "of all": "SELECT tessera.store_count_of_all()",
    "queryables": "SELECT name, definition::text FROM pgstac.queryables ORDER BY 1",
    "collections": "SELECT id, content::text FROM pgstac.collections ORDER BY 1",
    "copies": "SELECT tile_id, store, state FROM tessera.tile_store ORDER BY 1, 2",
    "summary": "SELECT year, store, tiles, missing, unsound FROM tessera.store_summary "
    "ORDER BY 1, 2",
}


def named(database: str) -> dict[str, Any]:
    """All that the database says of stores."""
    found: dict[str, Any] = {name: select(database, query) for name, query in NAMED.items()}
    return found | {"items": sorted(search(database), key=lambda item: str(item["id"]))}


@pytest.fixture
def three_stores(migrated_database: str, tmp_path: Path) -> list[Row]:
    """Tiles of two years, loaded; three manifests, the last with sound and unsound copies."""
    content = rows(12) + rows(4, 2023)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "s3", [{**content[0], "verified": MADE}, *content[1:14]])
    later = MADE + dt.timedelta(days=1)
    copies = [{**one, "verified": later} for one in content[:9]]
    tell(tmp_path, "scaleway", [*copies, {**content[9], "scales_size": 0}, *rows(1, first=500)])
    return content


def retired_from_the_beginning(link: Link, database: str, folder: Path) -> dict[str, Any]:
    """What is said of two stores where the third never was."""
    execute(database, "TRUNCATE tessera.replica, tessera.link, tessera.unsettled")
    execute(database, "SELECT delete_collection(id) FROM pgstac.collections")
    execute(database, "DELETE FROM tessera.tile")
    execute(database, "DELETE FROM tessera.store")
    load_file(database, folder / "registry.parquet", stores=TWO)
    link(TWO)
    return named(database)


@pytest.mark.parametrize("by", ["link", "load", "load and link"])
def test_a_store_gone_from_the_configuration_is_named_nowhere(
    link: Link, migrated_database: str, tmp_path: Path, three_stores: list[Row], by: str
) -> None:
    link()
    if "load" in by:
        load_file(migrated_database, tmp_path / "registry.parquet", stores=TWO)
    if "link" in by:
        assert link(TWO).tiles == (10 if by == "link" else 0)
    left = named(migrated_database)
    assert "scaleway" not in str(left).lower()
    if "link" in by:
        assert link(TWO) == Linked()
        assert left == retired_from_the_beginning(link, migrated_database, tmp_path)


def test_a_store_that_comes_back_is_shown_again(
    link: Link, migrated_database: str, three_stores: list[Row]
) -> None:
    link()
    before = named(migrated_database)
    link(TWO)
    would = link(dry_run=True)
    assert changes(link()) == changes(would)
    assert named(migrated_database) == before


def test_a_dry_run_tells_what_becomes_of_a_retired_store(
    link: Link, migrated_database: str, three_stores: list[Row]
) -> None:
    link()
    before = contents(migrated_database)
    would = link(TWO, dry_run=True)
    assert contents(migrated_database) == before
    assert changes(link(TWO)) == changes(would)


def changes(linked: Linked) -> tuple[int, dict[str, int], list[str]]:
    """What a dry run foretells of a link."""
    return linked.tiles, dict(linked.copies), linked.collections


def test_a_new_store_is_shown_by_the_link_alone(
    link: Link, migrated_database: str, tmp_path: Path, three_stores: list[Row]
) -> None:
    link()
    fourth = STORES.stores[0].model_copy(update={"name": "cephfs", "title": "Fourth"})
    four = STORES.model_copy(update={"stores": (*STORES.stores, fourth)})
    link(four)
    assert all("cephfs" in missing for _, missing in shown(migrated_database).values())
    tell(tmp_path, "cephfs", three_stores[:1])
    assert link(four, dry_run=True).tiles == 1
    link(four)
    assert "cephfs" in shown(migrated_database)[item_of(three_stores[0])][0]
    names = [name for name, _ in named(migrated_database)["queryables"]]
    assert "tessera:in_cephfs" in names
    for _, text in named(migrated_database)["collections"]:
        collection = json.loads(text)
        assert collection["summaries"]["tessera:stores"] == list(four.names)
        assert "Fourth" in collection["description"]


def test_the_holder_takes_its_place_among_the_stores(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(3)
    load_rows(migrated_database, tmp_path, content, holder="s3")
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "scaleway", content)
    link()
    assert select(migrated_database, "SELECT DISTINCT stores FROM tessera.tile") == [
        (list(STORES.names),)
    ]


def test_without_tiles_or_manifests_it_says_what_to_do(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="scan or ingest"):
        link()
    tell(tmp_path, "okavango", rows(3))
    with pytest.raises(InputError, match="run tessera-load first"):
        link()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_database_that_is_not_ours_stays_as_it_is(
    database: str,
    pg_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    dry_run: bool,
) -> None:
    for name, text in pg_env.items():
        monkeypatch.setenv(name, text)
    tell(tmp_path, "okavango", rows(3))
    with pytest.raises(InputError, match="run tessera-load first"):
        linking.follow(tmp_path, STORES, "v1", dry_run=dry_run)
    with psycopg.connect(database) as connection:
        made = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('pgstac', 'tessera')"
        ).fetchall()
    assert made == []
    assert not (tmp_path / ".linked").exists()


@pytest.mark.parametrize("held", [0, 3])
def test_what_the_server_knows_to_be_small_is_not_looked_through_for_each_copy(
    link: Link, migrated_database: str, tmp_path: Path, held: int
) -> None:
    """Careful operators VACUUM after a load: the copies are few then, and known to be."""
    content = rows(1200)
    load_rows(migrated_database, tmp_path, content)
    if held:
        tell(tmp_path, "okavango", content[:held])
        link()
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    for store in STORES.names:
        tell(tmp_path, store, content)
    before = value(migrated_database, SCANS)
    assert link().tiles == 1200
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    assert value(migrated_database, SCANS) - before < 100


SCANS = """
    SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
    WHERE schemaname = 'tessera' AND relname LIKE 'replica_%'"""


def test_killed_again_and_again_it_ends_as_if_undisturbed(
    link: Link, migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    content = [one for year in (2022, 2023, 2024) for one in rows(800, year)]
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "s3", content[::2])
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    env = environment({**migrated_pg_env, "TESSERA_DATA": str(tmp_path)})
    codes = []
    for turn in range(8):
        tell(tmp_path, "s3", content[turn % 3 :: 2])
        process = subprocess.Popen(
            [SYNC, "link"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.3, 1.2))
        process.kill()
        codes.append(process.wait())
    assert -signal.SIGKILL in codes
    tell(tmp_path, "s3", content[::2])
    done = subprocess.run([SYNC, "link", "--json"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert link() == Linked()
    expected = {
        item_of(one): (["okavango", "s3"], ["scaleway"])
        if number % 2 == 0
        else (["okavango"], ["s3", "scaleway"])
        for number, one in enumerate(content)
    }
    assert shown(migrated_database) == expected
    states = select(migrated_database, "SELECT state, count(*) FROM tessera.replica GROUP BY 1")
    assert states == [("same", 3600)]
    leftovers = (
        r"SELECT count(*) FROM pg_class WHERE relname ~ '_(new|replaced)$' AND relkind = 'r'"
    )
    assert value(migrated_database, leftovers) == 0
    kept = {path.name for path in (tmp_path / ".linked").iterdir()}
    assert kept == {"okavango.parquet", "s3.parquet"}


def test_what_a_swap_set_aside_gives_its_room_free_unless_it_is_read(database: str) -> None:
    execute(
        database,
        "CREATE SCHEMA pgstac",
        "CREATE TABLE pgstac._items_1_replaced AS SELECT generate_series(1, 1000) AS id",
        "CREATE TABLE pgstac._items_2_replaced AS SELECT generate_series(1, 1000) AS id",
        "CREATE TABLE pgstac._items_3 AS SELECT generate_series(1, 1000) AS id",
    )
    with connect(database) as reader, connect(database, autocommit=True) as connection:
        reader.execute("SELECT FROM pgstac._items_2_replaced")
        commit(connection)
        reader.rollback()
        assert _sizes(connection) == {"_items_1_replaced": True, "_items_2_replaced": True,
                                      "_items_3": True}  # fmt: skip
        commit(connection)
        assert _sizes(connection) == {"_items_1_replaced": False, "_items_2_replaced": False,
                                      "_items_3": True}  # fmt: skip


def _sizes(connection: Connection) -> dict[object, bool]:
    """Whether each table of pgSTAC's takes room."""
    return {
        name: size != 0
        for name, size in connection.execute(
            "SELECT relname, pg_relation_size(oid) FROM pg_class "
            "WHERE relnamespace = 'pgstac'::regnamespace AND relkind = 'r'"
        )
    }


def test_readers_see_the_old_catalogue_or_the_new(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(1500)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    link()
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()
    body = {
        "collections": ["geotessera-2024"],
        "limit": 1,
        "conf": {"context": "on", "context_stats_ttl": "0 s"},
        "filter": {"op": "a_contains", "args": [{"property": "tessera:stores"}, ["s3"]]},
    }

    def read() -> None:
        while not stop.is_set():
            everything = value(
                migrated_database,
                "SELECT count(*) FROM items WHERE collection = 'geotessera-2024'",
            )
            found = value(migrated_database, "SELECT search(%s)", json.dumps(body))
            seen.add((everything, found["numberMatched"]))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        # Most of them, so that all items are made anew; then a few, which are changed in place.
        for held in (content[:1200], content[:1190]):
            tell(tmp_path, "s3", held)
            link()
    finally:
        stop.set()
        reader.join()
    assert {everything for everything, _ in seen} == {1500}
    assert {matched for _, matched in seen} <= {0, 1200, 1190}


def test_the_command(
    link: Link, migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    # Two years, of which only one will change: the other agrees with the new manifest as well.
    content = rows(10) + rows(3, 2023)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    tell(tmp_path, "s3", content[:4] + content[10:])
    env = environment({**migrated_pg_env, "TESSERA_DATA": str(tmp_path)})

    def sync(*words: str) -> dict[str, Any]:
        done = subprocess.run([SYNC, *words, "--json"], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    never = sync("status")["catalogue"]["stores"]
    assert [store["linked"] for store in never] == [None, None]
    assert sync("link") == {
        "tiles": 7,
        "copies": {"okavango": 13, "s3": 7},
        "unknown": {},
        "collections": ["geotessera-2023", "geotessera-2024"],
    }
    catalogue = sync("status")["catalogue"]
    assert catalogue["tiles"] == 13
    assert [(s["name"], s["tiles"], s["in_step"]) for s in catalogue["stores"]] == [
        ("okavango", 13, True),
        ("s3", 7, True),
    ]
    tell(tmp_path, "s3", content[:5] + content[10:])
    behind = sync("status")["catalogue"]["stores"][1]
    assert (behind["tiles"], behind["in_step"]) == (7, False)
    # Two at once: the second waits for the first.
    both = [subprocess.Popen([SYNC, "link"], env=env, stdout=subprocess.DEVNULL) for _ in "ab"]
    assert [process.wait() for process in both] == [0, 0]
    assert len([one for one in shown(migrated_database).values() if "s3" in one[0]]) == 8
    assert sync("status")["catalogue"]["stores"][1]["in_step"]


def test_items_edited_by_others_are_mended(
    link: Link, migrated_database: str, tmp_path: Path
) -> None:
    content = rows(5)
    load_rows(migrated_database, tmp_path, content)
    tell(tmp_path, "okavango", content)
    link()
    before = search(migrated_database)
    execute(migrated_database, f"SELECT delete_item('{item_of(content[0])}', 'geotessera-2024')")
    link()
    assert search(migrated_database) == before
