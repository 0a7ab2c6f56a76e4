"""Removing tiles that the registry lacks: how far, when it is refused, and what a dry run says."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from registries import (
    Row,
    contents,
    counts,
    item_versions,
    load_file,
    load_rows,
    row,
    rows,
    search,
    select,
    tessera_load,
    value,
    write,
)

from tessera_catalog.errors import InputError, Refused
from tessera_catalog.feed import Selection
from tessera_catalog.grid import item_id


def years_of(database: str) -> dict[int, int]:
    """Tiles by year, which the items and the collections say too."""
    years = dict(select(database, "SELECT year::int, count(*) FROM tessera.tile GROUP BY year"))
    for query in (
        "SELECT collection, count(*) FROM items GROUP BY collection",
        """SELECT id, (content -> 'summaries' -> 'tessera:tiles' ->> 0)::int FROM collections""",
        "SELECT collection, tiles FROM tessera.collection WHERE tiles > 0",
    ):
        assert dict(select(database, query)) == {f"geotessera-{y}": n for y, n in years.items()}
    return years


def test_without_prune_nothing_goes(migrated_database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, rows(100))
    assert counts(load_rows(migrated_database, tmp_path, rows(10))) == (0, 0, 10, 0)
    assert years_of(migrated_database) == {2024: 100}


def test_a_few_go(migrated_database: str, database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, [*rows(100, 2023), *rows(100)])
    left = [*rows(100, 2023), *rows(97), *rows(1, first=1000)]
    assert counts(load_rows(migrated_database, tmp_path, left, prune=True)) == (1, 0, 197, 3)
    load_rows(database, tmp_path, left)
    assert contents(migrated_database) == contents(database)
    assert counts(load_rows(migrated_database, tmp_path, left, prune=True)) == (0, 0, 198, 0)


def test_many_go_by_force_alone(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(100))
    before = contents(migrated_database)
    stores = tmp_path / "stores.toml"
    stores.write_text('[[stores]]\nname = "other"\nurl = "https://example.org"\n')
    for number, prune in ((95, 0), (94, 3)):
        file = write(tmp_path / "registry.parquet", rows(number))
        for more in (("--dry-run",), ()):
            done = tessera_load(migrated_pg_env, file, "--prune", "--json", *more, folder=tmp_path)
            if prune and not more:
                break
            assert done.returncode == 0
            assert json.loads(done.stdout)["removed"] == 100 - number
        if number == 95:
            assert years_of(migrated_database) == {2024: 95}
            load_rows(migrated_database, tmp_path, rows(100))
            assert contents(migrated_database) == before
    # Not even the stores, which this load would have changed first.
    refused = tessera_load(migrated_pg_env, file, "--prune", "--stores", stores, folder=tmp_path)
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert refused.stderr == (
        "tessera-load: --prune would remove 6 of the 100 tiles of v1: is the registry whole? "
        "--force removes them\n"
    )
    assert contents(migrated_database) == before

    done = tessera_load(migrated_pg_env, file, "--prune", "--force", folder=tmp_path)
    assert done.returncode == 0
    assert years_of(migrated_database) == {2024: 94}


def test_a_year_that_is_gone_takes_its_collection(
    migrated_database: str, database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, [*rows(3, 2020), *rows(2, 2022), *rows(200)])
    assert counts(load_rows(migrated_database, tmp_path, rows(200), prune=True)) == (0, 0, 200, 5)
    assert years_of(migrated_database) == {2024: 200}
    assert search(migrated_database, datetime="2020-06-01T00:00:00Z") == []
    items = item_versions(migrated_database)
    assert counts(load_rows(migrated_database, tmp_path, rows(200), prune=True)) == (0, 0, 200, 0)
    assert item_versions(migrated_database) == items

    # And it comes back.
    whole = [*rows(3, 2020), *rows(2, 2022), *rows(200)]
    assert counts(load_rows(migrated_database, tmp_path, whole)) == (5, 0, 200, 0)
    load_rows(database, tmp_path, whole)
    here, there = contents(migrated_database), contents(database)
    assert here == there


def test_only_what_is_selected_goes(migrated_database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, [*rows(100, 2023), *rows(100)])
    fewer = [*rows(90, 2023), *rows(90)]
    only = Selection(frozenset({2023}))
    done = load_rows(migrated_database, tmp_path, fewer, prune=True, selection=only)
    assert counts(done) == (0, 0, 90, 10)
    assert years_of(migrated_database) == {2023: 90, 2024: 100}


def test_a_year_not_in_the_file_goes_only_if_selected(
    migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, [*rows(3, 2022), *rows(3, 2023), *rows(200)])
    load_rows(
        migrated_database,
        tmp_path,
        rows(200),
        prune=True,
        selection=Selection(frozenset({2023, 2024})),
    )
    assert years_of(migrated_database) == {2022: 3, 2024: 200}
    # A selection in which the file has nothing at all is more likely a mistake.
    with pytest.raises(InputError, match="no tiles in the selection"):
        load_rows(
            migrated_database,
            tmp_path,
            rows(200),
            prune=True,
            force=True,
            selection=Selection(frozenset({2022})),
        )
    assert years_of(migrated_database) == {2022: 3, 2024: 200}


# Edges of tiles, some of which are no exact hundreds once multiplied (1.1 * 100 > 110).
BOXES = [
    (0.0, 0.0, 0.3, 1.1),
    (-0.3, -1.1, 0.3, 0.0),
    (0.1, 0.29, 0.2, 0.57),
    (179.8, -0.2, -179.8, 0.2),
    (0.05, 0.05, 0.06, 0.06),
]


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_only_what_lies_in_the_box_goes(
    migrated_database: str, tmp_path: Path, box: tuple[float, float, float, float]
) -> None:
    """Tiles that only touch it stay, as they are not loaded with it either."""
    content = [row(*place) for place in around_all_boxes()]
    load_rows(migrated_database, tmp_path, content)
    inside = [one for one in content if overlaps(one, box)]
    assert 0 < len(inside) < len(content) / 2
    kept = inside[:1]

    # The same file before, with no word of pruning: that must not make this one think it is done.
    others = [one for one in content if one not in inside]
    selected = Selection(bbox=box)
    for prune, removed in ((False, 0), (True, len(inside) - 1), (True, 0)):
        done = load_rows(
            migrated_database,
            tmp_path,
            kept + others,
            prune=prune,
            force=True,
            selection=selected,
        )
        assert counts(done) == (0, 0, 1, removed)
    names = {item_id(2024, round(one["lon"] * 100), round(one["lat"] * 100))
             for one in kept + others}  # fmt: skip
    assert {item["id"] for item in search(migrated_database)} == names


def around_all_boxes() -> list[tuple[float, float]]:
    lons = [*range(-45, 46, 10), 17985, 17995, -17985, -17995, -17975, 17975]
    return [(lon / 100, lat / 100) for lon in lons for lat in range(-125, 126, 10)]


def overlaps(one: Row, box: tuple[float, float, float, float]) -> bool:
    """Whether a tile shares area with a box, in degrees and with room for their noise."""
    west, south, east, north = box
    lon, lat, half = one["lon"], one["lat"], 0.05 - 1e-9
    along = (lon + half > west, lon - half < east)
    return (
        (all(along) if west <= east else any(along)) and lat + half > south and lat - half < north
    )


def test_a_dry_run_changes_nothing(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, [*rows(100, 2023), *rows(100)])
    before = contents(migrated_database)
    content = [*rows(98, 2023), *rows(100), *rows(50, 2025)]
    content[0]["hash"] = None
    content[0]["file_size"] = 1
    file = write(tmp_path / "registry.parquet", content)
    done = tessera_load(migrated_pg_env, file, "--prune", "--dry-run", "--json", folder=tmp_path)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert {name: told[name] for name in ("inserted", "updated", "unchanged", "removed")} == {
        "inserted": 50,
        "updated": 1,
        "unchanged": 197,
        "removed": 2,
    }
    assert contents(migrated_database) == before
    done = tessera_load(migrated_pg_env, file, "--prune", "--json", folder=tmp_path)
    really = json.loads(done.stdout)
    for report in (told, really):
        del report["seconds"]
    assert really == told


def test_a_dry_run_on_an_empty_database(
    database: str, pg_env: dict[str, str], tmp_path: Path
) -> None:
    file = write(tmp_path / "registry.parquet", [*rows(10, 2023), *rows(20)])
    done = tessera_load(pg_env, file, "--dry-run", "--json", "--prune", folder=tmp_path)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["inserted"], told["tiles"], told["removed"]) == (30, 30, 0)
    assert told["collections"] == ["geotessera-2023", "geotessera-2024"]
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('pgstac', 'tessera')"
    assert value(database, schemas) == 0
    assert value(database, "SELECT to_regclass('public.tessera_migration')") is None


def test_a_dry_run_on_an_older_schema_says_so(migrated_database: str, tmp_path: Path) -> None:
    from registries import execute

    newest = value(migrated_database, "SELECT max(name) FROM public.tessera_migration")
    execute(migrated_database, f"DELETE FROM public.tessera_migration WHERE name = '{newest}'")
    with pytest.raises(InputError, match=newest):
        load_rows(migrated_database, tmp_path, rows(1), dry_run=True)


def test_prune_is_measured_against_the_dataset(migrated_database: str, tmp_path: Path) -> None:
    """Another dataset's many tiles do not make a mass removal look small."""
    load_rows(migrated_database, tmp_path, rows(1000), dataset="v2")
    load_rows(migrated_database, tmp_path, rows(20))
    with pytest.raises(Refused, match="2 of the 20 tiles"):
        load_rows(migrated_database, tmp_path, rows(18), prune=True)
    assert counts(load_rows(migrated_database, tmp_path, rows(19), prune=True)) == (0, 0, 19, 1)
    held = select(migrated_database, "SELECT dataset, count(*) FROM tessera.tile GROUP BY dataset")
    assert dict(held) == {"v1": 19, "v2": 1000}


def test_a_dataset_is_retired_by_a_registry_without_rows(
    migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(20) + rows(5, 2023))
    load_rows(migrated_database, tmp_path, rows(3), dataset="v2")
    none = tmp_path / "none.parquet"
    pq.write_table(pq.read_table(tmp_path / "registry.parquet").slice(0, 0), none)
    for refused in ({}, {"prune": True}, {"force": True}):
        with pytest.raises(InputError, match="no rows to load"):
            load_file(migrated_database, none, **refused)
    assert counts(load_file(migrated_database, none, prune=True, force=True)) == (0, 0, 0, 25)
    for table in ("tile", "placement", "coverage"):
        query = f"SELECT count(*) FROM tessera.{table}"
        assert value(migrated_database, query) > 0
        if table != "placement":
            assert value(migrated_database, f"{query} WHERE dataset = 'v1'") == 0
    assert select(migrated_database, "SELECT id FROM collections") == [("geotessera-v2-2024",)]
    assert select(migrated_database, "SELECT DISTINCT collection FROM tessera.placement") == [
        ("geotessera-v2-2024",)
    ]
    assert len(search(migrated_database)) == 3
