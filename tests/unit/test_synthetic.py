"""The synthetic registry and manifests: exact numbers, land, regions, labels, determinism."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tessera_catalog import grid, land, synthetic, synthetic_tiles
from tessera_catalog.errors import InputError
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.registry import open_registry
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_catalog.stores import Stores, load_stores
from tessera_catalog.synthetic import Gaps, generate, parse_gaps
from tessera_catalog.synthetic_files import REGISTRY

TILES = 60_000
GAPS = {
    "okavango": Gaps(incomplete=2),
    "s3": Gaps(missing=500, stale=40, extra=24, incomplete=7),
    "scaleway": Gaps(),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    names = "".join(f'[[stores]]\nname = "{n}"\nurl = "https://{n}.example"\n' for n in GAPS)
    path = tmp_path_factory.mktemp("stores") / "stores.toml"
    path.write_text('[dataset]\nid = "v9"\n' + names)
    return load_stores(path)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "made"
    written = generate(out, stores, tiles=TILES, seed=7, gaps=GAPS)
    assert [file.path.name for file in written] == [
        "registry.parquet",
        "okavango.parquet",
        "s3.parquet",
        "scaleway.parquet",
    ]
    assert [file.rows for file in written] == [TILES, TILES, TILES - 500 + 24, TILES]
    assert sorted(path.name for path in out.iterdir()) == sorted(f.path.name for f in written)
    return out


@pytest.fixture
def islands(monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell of land in fifty, for tests to which it does not matter where tiles lie."""
    few = land.land_cells()[::50]
    monkeypatch.setattr(synthetic_tiles, "land_cells", lambda: few)


class Tile(NamedTuple):
    """What is compared between the registry and a store."""

    embeddings_size: int
    scales_size: int
    embeddings_sha256: bytes
    scales_sha256: bytes | None


Key = tuple[int, int, int]


def listed(out: Path) -> dict[Key, Tile]:
    """The registry's tiles in its order, read as the loader reads them."""
    tiles = {}
    for batch in open_registry(out / "registry.parquet").batches():
        assert batch.rejected.num_rows == 0
        tiles.update(_tiles(batch.tiles))
    return tiles


def held(out: Path, store: str) -> dict[Key, Tile]:
    manifest = Manifest(out / f"{store}.parquet")
    return {
        key: tile for year in manifest.years for key, tile in _tiles(manifest.read(year)).items()
    }


def _tiles(rows: pa.Table | pa.RecordBatch) -> dict[Key, Tile]:
    return {
        (row["year"], row["lon_i"], row["lat_i"]): Tile(*(row[name] for name in Tile._fields))
        for row in rows.to_pylist()
    }


@pytest.fixture(scope="module")
def registry(out: Path) -> dict[Key, Tile]:
    return listed(out)


def test_the_registry_has_the_schema_of_2025_and_says_that_it_is_synthetic(out: Path) -> None:
    file = pq.ParquetFile(out / "registry.parquet")
    assert file.schema_arrow.equals(REGISTRY)
    assert file.metadata.num_rows == TILES
    label = open_registry(out / "registry.parquet").metadata[SYNTHETIC_KEY]
    assert json.loads(label) == {
        "generator": "tessera_catalog.synthetic",
        "seed": 7,
        "tiles": TILES,
    }


def test_manifests_are_the_sync_tools_own_and_say_that_they_are_synthetic(out: Path) -> None:
    for store in GAPS:
        manifest = Manifest(out / f"{store}.parquet")
        assert (manifest.about.store, manifest.about.dataset) == (store, "v9")
        assert SYNTHETIC_KEY in open_registry(out / f"{store}.parquet").metadata


def test_exactly_the_tiles_asked_for_in_the_order_of_year_and_cell(
    registry: dict[Key, Tile],
) -> None:
    assert len(registry) == TILES
    order = [(year, grid.cell(lon_i, lat_i)) for year, lon_i, lat_i in registry]
    assert order == sorted(order)
    years = Counter(year for year, _, _ in registry)
    assert sorted(years) == list(range(2017, 2026))
    assert years[2024] == max(years.values()) == 25_800


def test_2024_is_dense_enough_to_search_in(registry: dict[Key, Tile]) -> None:
    def found(west: float, south: float, east: float, north: float) -> int:
        return sum(
            year == 2024 and west <= lon / 100 <= east and south <= lat / 100 <= north
            for year, lon, lat in registry
        )

    assert found(-0.5, 51.0, 0.5, 52.0) == 100  # both sides of Greenwich, every cell
    assert found(35.5, -0.5, 36.5, 0.5) == 100  # both sides of the equator
    assert found(-180, 66, -179, 69) > 50  # Chukotka, and the Fijian islands on both sides
    assert found(179, 66, 180, 69) > 50
    assert found(-180, -20, -179, -15) > 0
    assert found(177, -20, 180, -15) > 0
    assert found(166, -48, 179, -34) > 500  # New Zealand


def test_every_year_has_regions_rather_than_sprinkles(registry: dict[Key, Tile]) -> None:
    for year in range(2017, 2026):
        tiles = {(lon, lat) for y, lon, lat in registry if y == year}
        neighbours = sum(
            ((lon + dx, lat + dy) in tiles)
            for lon, lat in tiles
            for dx, dy in ((10, 0), (-10, 0), (0, 10), (0, -10))
        )
        assert neighbours / len(tiles) > 3
        assert (-155, 5345) in tiles  # Britain, in every year


def test_tiles_lie_on_land_north_of_60_south(registry: dict[Key, Tile]) -> None:
    from global_land_mask import globe

    assert (land.land_cells() == np.flatnonzero(land.land_of_the_mask())).all()
    points = [
        ((lon + dx) / 100, (lat + dy) / 100)
        for _, lon, lat in registry
        for dx in (-4, -1, 1, 4)
        for dy in (-4, -1, 1, 4)
    ]
    lon, lat = np.array(points).T
    near = globe.is_land(lat, lon).reshape(-1, 16)
    # Sampled at other points than the bitmap's, so a few coasts may look like water here.
    assert near.any(axis=1).mean() > 0.98
    assert min(lat for _, _, lat in registry) > -6000


def test_sizes_are_those_of_arrays_that_narrow_with_latitude(registry: dict[Key, Tile]) -> None:
    shapes: dict[tuple[int, int], set[int]] = {}
    for (_, lon_i, lat_i), tile in registry.items():
        pixels, rest = divmod(tile.embeddings_size - 128, 128)
        assert rest == 0
        assert tile.scales_size == 128 + 4 * pixels
        width = 1113 * np.cos(np.radians(lat_i / 100))
        assert (1113 - 3) * (width - 3.5) <= pixels <= (1113 + 3) * (width + 3.5)
        shapes.setdefault((lon_i, lat_i), set()).add(pixels)
    assert all(len(sizes) == 1 for sizes in shapes.values())  # the same in all years
    assert len(set.union(*shapes.values())) > 1000


def test_hashes_differ_and_look_random(registry: dict[Key, Tile]) -> None:
    hashes = [h for tile in registry.values() for h in (tile.embeddings_sha256, tile.scales_sha256)]
    assert len(set(hashes)) == 2 * TILES
    bits = np.unpackbits(np.frombuffer(b"".join(h for h in hashes if h), dtype=np.uint8))
    share = bits.reshape(-1, 256).mean(axis=0)
    assert abs(share - 0.5).max() < 0.02  # 14 standard deviations


def test_times_are_in_order(out: Path) -> None:
    for store in GAPS:
        manifest = Manifest(out / f"{store}.parquet")
        for year in manifest.years:
            rows = manifest.read(year)
            assert rows.schema.names == ROWS.names
            written = rows.column("embeddings_mtime").to_pylist()
            year_end = dt.datetime(year + 1, 1, 1, tzinfo=dt.UTC)
            assert all(
                year_end < mtime < seen
                for mtime, seen in zip(written, rows.column("seen_at").to_pylist(), strict=True)
            )
            verified = rows.column("verified_at").to_pylist()
            known = [(w, v) for w, v in zip(written, verified, strict=True) if v is not None]
            assert 0 < len(known) < len(written)
            assert all(w <= v < manifest.about.made for w, v in known)


def test_gaps_are_as_many_as_asked_for(out: Path, registry: dict[Key, Tile]) -> None:
    for store, gaps in GAPS.items():
        here = held(out, store)
        both = registry.keys() & here.keys()
        incomplete = {key for key in both if here[key].scales_size == 0}
        stale = {
            key
            for key in both - incomplete
            if here[key].embeddings_sha256 != registry[key].embeddings_sha256
        }
        counted = Gaps(
            missing=len(registry.keys() - here.keys()),
            stale=len(stale),
            extra=len(here.keys() - registry.keys()),
            incomplete=len(incomplete),
        )
        assert counted == gaps
        same = both - incomplete - stale
        assert all(here[key] == registry[key] for key in same)
        assert all(here[key].scales_sha256 is None for key in incomplete)
        if stale:
            smaller = {k for k in stale if here[k].embeddings_size < registry[k].embeddings_size}
            assert 0 < len(smaller) < len(stale)


def test_missing_tiles_lie_in_patches_and_scattered(out: Path, registry: dict[Key, Tile]) -> None:
    missing = registry.keys() - held(out, "s3").keys()
    around = [
        sum((year, lon + dx, lat + dy) in missing for dx in (-10, 0, 10) for dy in (-10, 0, 10))
        for year, lon, lat in missing
    ]
    assert sum(count > 4 for count in around) > len(missing) / 2
    assert sum(count == 1 for count in around) > len(missing) / 20


def digests(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.iterdir())}


@pytest.mark.usefixtures("islands")
def test_the_seed_decides_all_and_gaps_do_not_touch_the_registry(
    tmp_path: Path, stores: Stores
) -> None:
    gaps = {"s3": Gaps(missing=5, extra=5)}
    generate(tmp_path / "a", stores, tiles=1000, seed=3, gaps=gaps)
    generate(tmp_path / "b", stores, tiles=1000, seed=3, gaps=gaps)
    generate(tmp_path / "c", stores, tiles=1000, seed=3, gaps={"s3": Gaps(extra=300)})
    generate(tmp_path / "d", stores, tiles=1000, seed=4, gaps=gaps)
    a, b, c, d = (digests(tmp_path / name) for name in "abcd")
    assert a == b
    assert a["registry.parquet"] == c["registry.parquet"]
    assert a["s3.parquet"] != c["s3.parquet"]
    assert not set(a.values()) & set(d.values())


def test_a_tile_is_the_same_in_a_registry_of_any_size(
    tmp_path: Path, stores: Stores, registry: dict[Key, Tile]
) -> None:
    generate(tmp_path, stores, tiles=500, seed=7)
    small = listed(tmp_path)
    assert len(small) == 500
    assert small.items() <= registry.items()


@pytest.mark.usefixtures("islands")
def test_default_gaps(tmp_path: Path, stores: Stores) -> None:
    assert synthetic.default_gaps(3_800_000, 0) == Gaps()
    first, second = (synthetic.default_gaps(3_800_000, position) for position in (1, 2))
    assert all(
        0 < getattr(first, kind) < getattr(second, kind) < 100_000
        for kind in synthetic.DEFAULT_GAPS
    )
    written = generate(tmp_path, stores, tiles=1000, seed=1)
    assert [file.rows for file in written] == [1000, 1000, 990, 980]


@pytest.mark.parametrize("tiles", [1, 2, 10, 999, 4_000_000])
def test_years_add_up_to_the_tiles_and_none_exceeds_the_land(tiles: int) -> None:
    land = 500_000
    counts = synthetic_tiles._counts(tiles, land)
    assert sum(counts.values()) == tiles
    assert all(0 <= count <= land for count in counts.values())


def test_as_many_tiles_as_the_land_holds_and_not_one_more() -> None:
    most = len(land.land_cells())
    assert 1_550_000 < most < 1_700_000
    counts = synthetic_tiles._counts(9 * most, most)
    assert set(counts.values()) == {most}
    with pytest.raises(InputError, match=f"9 years hold {9 * most}$"):
        synthetic_tiles.choose(9 * most + 1, seed=1)


@pytest.mark.parametrize(
    ("tiles", "seed", "gaps", "part"),
    [
        (0, 1, {}, "a registry of 0 tiles: ask for one at least"),
        (-5, 1, {}, "ask for one at least"),
        (10, -1, {}, "seed -1 must lie between 0 and 4294967295"),
        (10, 2**32, {}, "must lie between"),
        (10, 1, {"s4": Gaps()}, "no store is called 's4' (did you mean 's3'?)"),
        (10, 1, {"s3": Gaps(missing=9, stale=1, incomplete=1)}, "11 gaps of s3: there are only 10"),
    ],
)
def test_wrong_wishes(
    tmp_path: Path, stores: Stores, tiles: int, seed: int, gaps: dict[str, Gaps], part: str
) -> None:
    with pytest.raises(InputError) as caught:
        generate(tmp_path / "out", stores, tiles=tiles, seed=seed, gaps=gaps)
    assert part in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("islands")
def test_every_tile_may_be_missing(tmp_path: Path, stores: Stores) -> None:
    generate(tmp_path, stores, tiles=100, gaps={"s3": Gaps(missing=100)})
    assert Manifest(tmp_path / "s3.parquet").tiles == 0


def test_places_that_cannot_be_written(tmp_path: Path, stores: Stores) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError, match="not a directory"):
        generate(file, stores, tiles=10)
    assert file.read_text() == "mine"


def test_a_store_must_not_be_called_registry(tmp_path: Path) -> None:
    path = tmp_path / "stores.toml"
    path.write_text('[[stores]]\nname = "registry"\nurl = "https://a.example"\n')
    with pytest.raises(InputError, match="would replace the registry"):
        generate(tmp_path / "out", load_stores(path), tiles=10)


def test_gaps_on_the_command_line() -> None:
    assert parse_gaps("s3:missing=24,stale=3") == ("s3", Gaps(missing=24, stale=3))
    assert parse_gaps("s3:extra=0") == ("s3", Gaps())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3",
        "s3:",
        "s3:missing",
        "s3:missing=",
        "s3:missing=-1",
        "s3:missing=1.5",
        "s3:missing=9999999999",
        "s3:missing=١",
        "s3:missing=1,missing=2",
        "s3:missing=1,,stale=2",
        "s3:gone=1",
    ],
)
def test_gaps_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError, match=r"write STORE:KIND=NUMBER"):
        parse_gaps(text)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tessera_catalog.synthetic", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    done = run(str(tmp_path / "out"), "--tiles", "100", "--gaps", "s3:missing=10")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    names = [Path(line.split("\t")[0]).name for line in done.stdout.splitlines()]
    rows = [int(line.split("\t")[1]) for line in done.stdout.splitlines()]
    assert names == ["registry.parquet", "okavango.parquet", "s3.parquet", "scaleway.parquet"]
    assert rows == [100, 100, 90, 98]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--gaps", "s3:gone=1"],
        ["--gaps", "s3:stale=1", "--gaps", "s3:missing=1"],
        ["--stores", "none.toml"],
        ["--tiles", "0"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = run(str(tmp_path / "out"), *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("synthetic: ")
    assert done.stderr.count("\n") == 1
