"""tessera-export: what other tools read in its files is what the API and the database say."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import httpx
import psycopg
import pyarrow.parquet as pq
import pytest
import shapely
from api_server import Catalogue, all_ids, member
from item_files import READERS, Item, Reader, comparable, with_stac_geoparquet
from map_world import OTHER
from registries import by_id, environment, execute, load_rows, rows, search, select, value

from tessera_export.reading import RUN

TOOL = Path(sys.executable).parent / "tessera-export"


def export(
    env: Mapping[str, str], *arguments: object, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, which is to be this."""
    done = subprocess.run(
        [str(TOOL), *map(str, arguments)],
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done


def told(env: Mapping[str, str], *arguments: object) -> dict[str, Any]:
    """What it tells with --json."""
    result: dict[str, Any] = json.loads(export(env, *arguments, "--json").stdout)
    return result


@pytest.fixture(scope="module")
def exported(
    map_database: Catalogue, map_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All items, with links to the API of the tests."""
    folder = tmp_path_factory.mktemp("items")
    export(map_database.environment, "items", folder, "--url", map_api.base_url)
    return folder


@pytest.fixture(scope="module")
def served(map_api: httpx.Client) -> dict[str, dict[str, Item]]:
    """All items of the API, by collection and id."""
    items: dict[str, dict[str, Item]] = {}
    url = "/search?limit=1000"
    while url:
        page = map_api.get(url).json()
        for item in page["features"]:
            items.setdefault(item["collection"], {})[item["id"]] = comparable(item)
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    return items


@pytest.mark.parametrize("read", READERS)
def test_items_are_those_of_the_api(
    exported: Path, served: dict[str, dict[str, Item]], read: Reader
) -> None:
    paths = {path.stem: path for path in exported.glob("year=*/*.parquet")}
    assert paths.keys() == served.keys()
    for collection, items in served.items():
        assert by_id(map(comparable, read(paths[collection]))) == items


def test_a_folder_is_read_as_one_table(exported: Path, map_database: Catalogue) -> None:
    years = dict(
        select(map_database.conninfo, "SELECT year, count(*) FROM tessera.tile GROUP BY year")
    )
    frame = geopandas.read_parquet(exported)
    assert frame.crs.to_authority() == ("OGC", "CRS84")
    assert {int(y): n for y, n in frame["year"].value_counts().items()} == years
    with duckdb.connect() as connection:
        counts = connection.execute(
            "SELECT year, count(*) FROM read_parquet(?) GROUP BY year", [f"{exported}/**/*.parquet"]
        ).fetchall()
    assert dict(counts) == years


LACKING = "A_CONTAINS(\"tessera:missing_stores\", ('scaleway'))"


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["--filter", LACKING], "'scaleway' <> ALL (stores || coalesce(unsound_stores, '{}'))"),
        (["--filter", "\"tessera:lat\" > 84.9 OR id LIKE '2023%'"], "lat > 84.9 OR year = 2023"),
        (["--bbox=179,-90,-179,1"], "abs(lon) > 179 AND lat < 1"),
        (["--bbox=11.2,0,11.3,0.1", "--filter", "gsd = 10"], "id IN (SELECT id FROM tessera.tile"
         " WHERE lon IN (11.25) AND lat IN (0.05))"),
        (["--bbox=1,1,2,2"], "false"),
        (["--year", "2023", "--collection", "geotessera-2023"], "year = 2023"),
    ],
)  # fmt: skip
def test_items_of_a_query(
    map_database: Catalogue, tmp_path: Path, arguments: list[str], where: str
) -> None:
    export(map_database.environment, "items", tmp_path / "out", *arguments)
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT collection, id FROM read_parquet(?)", [f"{tmp_path}/out/**/*.parquet"]
        ).fetchall()
    expected = select(
        map_database.conninfo,
        "SELECT collection, tessera.item_id(t.id) FROM tessera.tile t"
        " JOIN tessera.collection c ON t.id / 10000000 = c.dataset_no * 10000 + c.year"
        f" WHERE t.id IN (SELECT id FROM tessera.tile WHERE {where})",
    )
    assert sorted(found) == sorted(expected)


def test_a_filter_finds_what_the_api_finds(
    map_database: Catalogue, map_api: httpx.Client, tmp_path: Path
) -> None:
    """Also where pgSTAC alone would answer otherwise."""
    text = "CASEI(title) LIKE casei('%0.05°E%') AND DATE('2024-06-01') < datetime OR id = 'x'"
    export(map_database.environment, "items", tmp_path, "--filter", text)
    paths = tmp_path.glob("year=*/*.parquet")
    ids = [name for path in paths for name in pq.read_table(path, columns=["id"])["id"].to_pylist()]
    assert sorted(ids) == sorted(all_ids(map_api, "/search", filter=text))


COLUMNS = (
    "id, dataset, year, lon, lat, embeddings_size, scales_size, embeddings_mtime, scales_mtime,"
    " verified, encode(embeddings_sha256, 'hex') AS embeddings_sha256,"
    " encode(scales_sha256, 'hex') AS scales_sha256, stores,"
    " coalesce(unsound_stores, '{}') AS unsound_stores, store_count"
)


@pytest.fixture(scope="module")
def tiles(map_database: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tiles in one file."""
    path = tmp_path_factory.mktemp("tiles") / "tiles.parquet"
    export(map_database.environment, "tiles", path)
    return path


def test_tiles_are_those_of_the_table(tiles: Path, map_database: Catalogue) -> None:
    with psycopg.connect(map_database.conninfo, options="-c timezone=UTC") as connection:
        cursor = connection.execute(f"SELECT {COLUMNS} FROM tessera.tile ORDER BY id".encode())
        names = [column.name for column in cursor.description or ()]
        expected = [dict(zip(names, row, strict=True)) for row in cursor]
        shapes = connection.execute("SELECT ST_AsText(geom) FROM tessera.tile ORDER BY id")
        outlines = [shapely.from_wkt(text) for (text,) in shapes]
    table = pq.read_table(tiles)
    assert table.select(names).to_pylist() == expected
    frame = geopandas.read_parquet(tiles)
    assert list(frame.geometry) == outlines
    assert [list(box.values()) for box in table["bbox"].to_pylist()] == [
        list(outline.bounds) for outline in outlines
    ]


def test_tiles_say_what_geoparquet_asks_for(tiles: Path) -> None:
    geo = json.loads(pq.read_schema(tiles).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    column = geo["columns"][geo["primary_column"]]
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["covering"]["bbox"] == {
        corner: ["bbox", corner] for corner in ("xmin", "ymin", "xmax", "ymax")
    }


def test_boxes_pass_over_row_groups(tiles: Path, map_database: Catalogue) -> None:
    metadata = pq.read_metadata(tiles)
    lows, highs = (
        [
            min(stats(metadata, group, "ymin")) if low else max(stats(metadata, group, "ymax"))
            for group in range(metadata.num_row_groups)
            if metadata.row_group(group).num_rows == RUN
        ]
        for low in (True, False)
    )
    assert lows
    assert min(lows) > -89, "the first run has not come to the south"
    box = (11.2, 0.0, 12.0, 0.4)
    where = "bbox.xmax > 11.2 AND bbox.xmin < 12 AND bbox.ymax > 0 AND bbox.ymin < 0.4"
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT id FROM read_parquet(?) WHERE {where}", [str(tiles)])
        inside = {number for (number,) in found.fetchall()}
    expected = select(
        map_database.conninfo,
        "SELECT id FROM tessera.tile WHERE lon BETWEEN 11.2 AND 12 AND lat BETWEEN 0 AND 0.4",
    )
    assert inside == {number for (number,) in expected}
    # GeoPandas takes those that touch the box as well.
    assert inside <= set(geopandas.read_parquet(tiles, bbox=box)["id"])
    assert highs[0] > lows[0]


def stats(metadata: pq.FileMetaData, group: int, corner: str) -> tuple[float, float]:
    """Least and greatest value of a corner in a row group."""
    row_group = metadata.row_group(group)
    (column,) = (
        row_group.column(i)
        for i in range(row_group.num_columns)
        if row_group.column(i).path_in_schema == f"bbox.{corner}"
    )
    return column.statistics.min, column.statistics.max


def test_a_folder_of_tiles(map_database: Catalogue, tmp_path: Path) -> None:
    result = told(map_database.environment, "tiles", tmp_path, "--dataset", "v2")
    assert [Path(file["path"]).name for file in result["files"]] == ["geotessera-v2-2024.parquet"]
    frame = geopandas.read_parquet(tmp_path)
    assert list(frame["dataset"]) == ["v2"] * len(OTHER[2024])
    assert set(frame["year"]) == {2024}


def test_the_role_of_the_api_is_all_it_takes(map_database: Catalogue, tmp_path: Path) -> None:
    with member(map_database) as login:
        env = {**map_database.environment, **login}
        of = ("--year", "2023")
        assert written(env, "items", tmp_path / "items", *of, "--filter", LACKING) == {2023}
        assert written(env, "tiles", tmp_path / "tiles", *of) == {2023}


def test_what_is_up_to_date_is_left_alone(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    content = rows(3, 2023) + rows(3, 2024)
    load_rows(migrated_database, tmp_path, content)
    out = tmp_path / "out"
    for command, folder in (("items", out / "items"), ("tiles", out / "tiles")):
        assert written(migrated_pg_env, command, folder) == {2023, 2024}
        assert written(migrated_pg_env, command, folder) == set()
    content[0]["file_size"] += 1
    load_rows(migrated_database, tmp_path, content)
    for command, folder in (("items", out / "items"), ("tiles", out / "tiles")):
        assert written(migrated_pg_env, command, folder) == {2023}
    (item,) = (
        item
        for item in with_stac_geoparquet(out / "items/year=2023/geotessera-2023.parquet")
        if item["id"] == "2023_grid_0.05_50.05"
    )
    assert item["assets"]["embeddings"]["file:size"] == content[0]["file_size"]


def written(env: Mapping[str, str], *arguments: object) -> set[int]:
    """Years whose files an export has written."""
    return {
        int(collection.removeprefix("geotessera-"))
        for file in told(env, *arguments)["files"]
        for collection in file["collections"]
        if file["written"]
    }


def test_collections_that_are_gone_go_from_the_folder(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(3, 2023) + rows(3, 2024))
    out = tmp_path / "out"
    export(migrated_pg_env, "items", out)
    load_rows(migrated_database, tmp_path, rows(3, 2024), prune=True, force=True)
    export(migrated_pg_env, "items", out)
    assert [path.name for path in out.glob("year=*/*")] == ["geotessera-2024.parquet"]


@contextmanager
def stuck(database: str, env: Mapping[str, str], out: Path) -> Iterator[Any]:
    """An export of 2023 and 2024 that has done 2023 and cannot read 2024; yields it, and the
    connection that is in its way."""
    name = value(
        database, "SELECT '_items_' || key FROM collections WHERE id = %s", "geotessera-2024"
    )
    with psycopg.connect(database) as connection:
        connection.execute(f"LOCK TABLE pgstac.{name} IN ACCESS EXCLUSIVE MODE".encode())
        with subprocess.Popen(
            [str(TOOL), "items", str(out)],
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                while not (
                    (out / "year=2023/geotessera-2023.parquet").exists() and waits(database)
                ):
                    assert process.poll() is None
                    time.sleep(0.05)
                yield process, connection
            finally:
                process.kill()


def waits(database: str) -> bool:
    """Whether a statement waits for a lock."""
    return bool(
        value(
            database,
            "SELECT count(*) > 0 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    )


@pytest.fixture
def two_years(migrated_database: str, tmp_path: Path) -> str:
    """A database with 2023 and 2024."""
    load_rows(migrated_database, tmp_path, rows(30, 2023) + rows(30, 2024))
    return migrated_database


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_and_run_again(
    two_years: str, migrated_pg_env: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    with stuck(two_years, migrated_pg_env, out) as (process, _):
        process.send_signal(how)
        _, err = process.communicate(timeout=30)
        half = [path.name for path in (out / "year=2024").iterdir()]
    if how is signal.SIGKILL:
        assert [name.endswith(".tmp") for name in half] == [True]
    else:
        assert process.returncode == 130
        assert err == "tessera-export: interrupted; run it again to go on\n"
        assert half == []
    assert written(migrated_pg_env, "items", out) == {2024}
    export(migrated_pg_env, "items", other)
    assert contents(out) == contents(other)


def contents(folder: Path) -> dict[str, Any]:
    """All files of a folder by their place, and what is in them."""
    return {
        str(path.relative_to(folder)): pq.read_table(path, partitioning=None).to_pylist()
        for path in folder.glob("year=*/*")
    }


def test_changed_while_it_is_read(
    two_years: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    """The file is begun anew, and is of the later state."""
    with stuck(two_years, migrated_pg_env, tmp_path / "out") as (process, connection):
        connection.execute(
            "UPDATE tessera.collection SET revision = nextval('tessera.revisions')"
            " WHERE collection = 'geotessera-2024'"
        )
        connection.commit()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert "60 items in 2 files: 2 written" in out
    assert written(migrated_pg_env, "items", tmp_path / "out") == set()


def test_items_of_several_base_items(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    """What a collection said of all assets when an item was made is what the item goes by."""
    load_rows(migrated_database, tmp_path, rows(3))
    for title in ("One title", "Another title"):
        execute(
            migrated_database,
            f"""SELECT pgstac.update_collection(jsonb_set(
                    content, '{{item_assets,embeddings,title}}', '"{title}"'))
                FROM pgstac.collections""",
            """UPDATE pgstac.items SET content = content || jsonb_build_object(
                   'pgstac:base_item', (SELECT base_item_id FROM current_base_item(collection)))
               WHERE id = (SELECT max(id) FROM pgstac.items
                           WHERE NOT content ? 'pgstac:base_item')""",
        )
    export(migrated_pg_env, "items", tmp_path / "out")
    found = with_stac_geoparquet(tmp_path / "out/year=2024/geotessera-2024.parquet")
    titles = {item["id"]: item["assets"]["embeddings"]["title"] for item in found}
    assert len(set(titles.values())) > 1
    assert titles == {
        item["id"]: item["assets"]["embeddings"]["title"] for item in search(migrated_database)
    }


def test_items_that_others_have_edited(
    two_years: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(migrated_pg_env, "items", out)
    set_property = (
        "UPDATE pgstac.items SET content = jsonb_set(content, '{{properties,{}}}', '\"new\"')"
        " WHERE id = '2024_grid_0.05_50.05'"
    )
    execute(two_years, set_property.format("title"))
    assert written(migrated_pg_env, "items", out) == {2024}
    assert written(migrated_pg_env, "items", out) == {2024}
    before = contents(out)
    execute(two_years, set_property.format("mood"))
    done = export(migrated_pg_env, "items", out, code=1)
    assert done.stderr.startswith("tessera-export: geotessera-2024: an item has what neither")
    assert done.stderr.count("\n") == 1
    assert contents(out) == before


def test_other_things_are_not_overwritten(
    two_years: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert "notes.txt" in export(migrated_pg_env, "items", out, code=3).stderr
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    export(migrated_pg_env, "items", out, "--force")
    assert (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()

    other = ("items", out, "--bbox=0,50,0.1,50.1", "--year", "2024")
    assert "another query" in export(migrated_pg_env, *other, code=3).stderr
    assert "30 items" in export(migrated_pg_env, "items", out, "--year", "2023").stdout
    assert "1 items" in export(migrated_pg_env, *other, "--force").stdout
    assert [path.name for path in out.glob("year=*/*")] == ["geotessera-2024.parquet"]

    table = tmp_path / "registry.parquet"
    before = table.read_bytes()
    assert "no export" in export(migrated_pg_env, "tiles", table, code=3).stderr
    assert table.read_bytes() == before
    export(migrated_pg_env, "tiles", table, "--force")
    assert geopandas.read_parquet(table).shape[0] == 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--collection", "geotessera-2204"], "the nearest is geotessera-2024"),
        (["--collection", "x"], "--collection x: the catalogue has none"),
        (["--year", "1999"], "--year 1999: the catalogue has none"),
        (["--year", "2024", "--collection", "geotessera-2023"], "no collection is"),
        (["--filter", "tessera:store_coun = 1"], "did you mean 'tessera:store_count'?"),
        (["--filter", "gsd ="], "--filter: the filter is not CQL2 text"),
        (["--bbox", "1,2,3"], "four numbers"),
        (["--url", "example.org"], "--url example.org: it must begin with https://"),
    ],
)
def test_input_that_cannot_be(
    map_database: Catalogue, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = export(map_database.environment, "items", tmp_path / "out", *arguments, code=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be(map_database: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (
        ("items", tmp_path / "file"),
        ("items", tmp_path / "file" / "out"),
        ("items", tmp_path / "out.parquet"),
        ("tiles", tmp_path / "file" / "out.parquet"),
        ("tiles", tmp_path / "out.parquet", "--dataset", "v3"),
    ):
        done = export(map_database.environment, *arguments, code=2)
        assert done.stderr.count("\n") == 1


def test_nothing_is_loaded(
    pg_env: dict[str, str], migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    for env in (pg_env, migrated_pg_env):
        done = export(env, "items", tmp_path, code=2)
        assert "nothing is loaded in this database yet" in done.stderr


def test_a_full_disk(map_database: Catalogue, little_disk: Path) -> None:
    for command in ("items", "tiles"):
        out = little_disk / command
        done = export(map_database.environment, command, out, "--year", "2024", code=1)
        assert "No space left on device" in done.stderr
        assert done.stderr.count("\n") == 1
        left = {path.name for path in out.rglob("*") if path.is_file()}
        assert left <= {".export.lock", "geotessera-v2-2024.parquet"}
