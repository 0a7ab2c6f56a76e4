"""Which tiles `--year`, `--bbox`, `--region` and `--shard` choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog import grid
from tessera_catalog.box import parse_box
from tessera_catalog.errors import InputError
from tessera_sync.selection import box_cells, parse_shard, region_cells, select


def centres(mask: Any) -> set[tuple[int, int]]:
    """Centres of chosen cells."""
    lon_i, lat_i = grid.cell_centre(np.flatnonzero(mask))
    return set(zip(lon_i.tolist(), lat_i.tolist(), strict=True))


def test_a_box_on_the_grids_lines_has_the_tiles_inside() -> None:
    assert centres(box_cells((0.1, 49.9, 0.3, 50.0))) == {(15, 4995), (25, 4995)}


def test_a_box_inside_a_tile_has_that_tile() -> None:
    assert centres(box_cells((0.11, 49.91, 0.12, 49.92))) == {(15, 4995)}


def test_a_box_across_the_antimeridian() -> None:
    assert centres(box_cells((179.9, 0.0, -179.9, 0.1))) == {(17995, 5), (-17995, 5)}


def test_the_world_is_every_cell() -> None:
    assert box_cells((-180, -90, 180, 90)).all()


hundredths = st.integers(-18000, 18000)


@examples(50)
@given(hundredths, st.integers(-9000, 8999), hundredths, st.integers(1, 300))
def test_a_box_is_a_region_of_the_same_shape(west: int, south: int, east: int, height: int) -> None:
    west, east = sorted((west, east))
    east = min(max(east, west + 1), 18000)
    west = min(west, east - 1)
    box = (west / 100, south / 100, east / 100, min(south + height, 9000) / 100)
    lon_i, lat_i = grid.cell_centre(np.arange(grid.CELLS))
    inside = (lon_i + 5 > west) & (lon_i - 5 < east)
    inside &= (lat_i + 5 > south) & (lat_i - 5 < min(south + height, 9000))
    assert np.array_equal(box_cells(box), inside)


@pytest.mark.parametrize(
    "text", ["1,2,3", "a,b,c,d", "0,10,1,5", "0,0,0,1", "-181,0,1,1", "0,0,1,91", "0,nan,1,2", ""]
)
def test_boxes_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="--bbox"):
        parse_box(text)


def _geojson(path: Path, geometry: Any, wrap: str) -> Path:
    shape = json.loads(shapely.to_geojson(geometry))
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    document = {
        "geometry": shape,
        "feature": feature,
        "collection": {"type": "FeatureCollection", "features": [feature, feature]},
    }[wrap]
    path.write_text(json.dumps(document))
    return path


class TestRegion:
    @pytest.mark.parametrize("wrap", ["geometry", "feature", "collection"])
    def test_polygons_choose_what_they_share_area_with(self, wrap: str, tmp_path: Path) -> None:
        triangle = shapely.Polygon([(0, 50), (0.2, 50), (0.2, 50.2)])
        path = _geojson(tmp_path / "a.geojson", triangle, wrap)
        assert centres(region_cells(path)) == {(5, 5005), (15, 5005), (15, 5015)}

    def test_a_hole_is_not_in_it(self, tmp_path: Path) -> None:
        ring = shapely.box(0, 0, 0.3, 0.3).difference(shapely.box(0.1, 0.1, 0.2, 0.2))
        path = _geojson(tmp_path / "a.geojson", ring, "feature")
        assert len(centres(region_cells(path))) == 8
        assert (15, 15) not in centres(region_cells(path))

    def test_a_point_chooses_its_tile(self, tmp_path: Path) -> None:
        path = _geojson(tmp_path / "a.geojson", shapely.Point(0.15, 49.95), "feature")
        assert centres(region_cells(path)) == {(15, 4995)}

    def test_with_a_box_both_count(self, tmp_path: Path) -> None:
        path = _geojson(tmp_path / "a.geojson", shapely.box(0, 0, 0.3, 0.3), "feature")
        chosen = select([2024], "0.1,0.1,5,5", path)
        assert centres(chosen.cells) == {(15, 15), (25, 15), (15, 25), (25, 25)}
        assert chosen.years([2017, 2024]) == [2024]

    @pytest.mark.parametrize(
        "content",
        ["", "{}", '{"type": "FeatureCollection", "features": []}', "[1, 2]",
         '{"type": "Point", "coordinates": [500000, 4649776]}'],
    )  # fmt: skip
    def test_files_that_are_none(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "a.geojson").write_text(content)
        with pytest.raises(InputError, match=r"--region .*a\.geojson"):
            region_cells(tmp_path / "a.geojson")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            region_cells(tmp_path / "a.geojson")


def test_a_year_that_is_none() -> None:
    with pytest.raises(InputError, match="--year 24"):
        select([24], None, None)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2", "1/2/3"])
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="i/n"):
        parse_shard(text)


def test_shard() -> None:
    assert parse_shard("3/8") == (3, 8)
