"""The grid: names, keys and footprints, above all around zero, the antimeridian and the poles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog import grid

LON_I = st.integers(0, grid.COLUMNS - 1).map(lambda column: grid.WEST_I + column * grid.SIZE)
LAT_I = st.integers(0, grid.ROWS - 1).map(lambda row: grid.NORTH_I - row * grid.SIZE)
CELLS = st.integers(0, grid.CELLS - 1)


@pytest.mark.parametrize(
    ("hundredths", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (-5, "-0.05"),
        (-95, "-0.95"),
        (-100, "-1.00"),
        (15, "0.15"),
        (995, "9.95"),
        (-17995, "-179.95"),
        (17995, "179.95"),
    ],
)
def test_degrees(hundredths: int, text: str) -> None:
    assert grid.degrees(hundredths) == text


@pytest.mark.parametrize(
    ("lon_i", "lat_i", "name", "footprint"),
    [
        (85, 4995, "grid_0.85_49.95", (0.80, 49.90, 0.90, 50.00)),
        (-5, 5215, "grid_-0.05_52.15", (-0.10, 52.10, 0.00, 52.20)),
        (5, 5, "grid_0.05_0.05", (0.00, 0.00, 0.10, 0.10)),
        (-5, -5, "grid_-0.05_-0.05", (-0.10, -0.10, 0.00, 0.00)),
        (17995, -1785, "grid_179.95_-17.85", (179.90, -17.90, 180.00, -17.80)),
        (-17995, 6605, "grid_-179.95_66.05", (-180.00, 66.00, -179.90, 66.10)),
        (-16645, 8995, "grid_-166.45_89.95", (-166.50, 89.90, -166.40, 90.00)),
        (16645, -8995, "grid_166.45_-89.95", (166.40, -90.00, 166.50, -89.90)),
    ],
)
def test_names_and_footprints(
    lon_i: int, lat_i: int, name: str, footprint: tuple[float, float, float, float]
) -> None:
    assert grid.tile_name(lon_i, lat_i) == name
    assert grid.tile_path(2024, lon_i, lat_i) == f"2024/{name}"
    assert grid.item_id(2024, lon_i, lat_i) == f"2024_{name}"
    assert grid.footprint(lon_i, lat_i) == footprint


@given(LON_I, LAT_I)
def test_footprint_has_two_decimals_and_never_minus_zero(lon_i: int, lat_i: int) -> None:
    edges = grid.footprint(lon_i, lat_i)
    assert [round(edge, 2) for edge in edges] == list(edges)
    assert "-0.0" not in [str(edge) for edge in edges]
    west, south, east, north = edges
    assert -180 <= west < lon_i / 100 < east <= 180
    assert -90 <= south < lat_i / 100 < north <= 90


@given(LON_I, LAT_I)
def test_a_name_reads_back_as_its_tile(lon_i: int, lat_i: int) -> None:
    assert grid.parse_tile_name(grid.tile_name(lon_i, lat_i)) == (lon_i, lat_i)


@pytest.mark.parametrize(
    "name",
    [
        "grid_0.80_49.95",  # an edge, not a centre
        "grid_0.85_49.90",
        "grid_-0.00_49.95",
        "grid_-0.00_-0.00",
        "grid_00.85_49.95",
        "grid_0.85_049.95",
        "grid_+0.85_49.95",
        "grid_.85_49.95",
        "grid_0.850_49.95",
        "grid_0.8_49.95",
        "grid_180.05_49.95",
        "grid_-180.05_49.95",
        "grid_0.85_90.05",
        "grid_0.85_-90.05",
        "grid_999.95_99.95",
        "grid_49.95",
        "grid_0.85_49.95_",
        "grid_0.85_49.95.npy",
        " grid_0.85_49.95",
        "grid_0.85_49.95\n",
        "GRID_0.85_49.95",
        "grid_٠.85_49.95",  # a digit to Python, not to a file name of ours
        "grid_nan_nan",
        "",
    ],
)
def test_what_is_no_tile_name(name: str) -> None:
    assert grid.parse_tile_name(name) is None


@given(st.text(max_size=30) | st.from_regex(r"grid_-?[0-9]{1,3}\.[0-9]{2}_-?[0-9]{1,3}\.[0-9]{2}"))
def test_a_read_name_is_the_only_name_of_its_tile(name: str) -> None:
    tile = grid.parse_tile_name(name)
    assert tile is None or grid.tile_name(*tile) == name


@pytest.mark.parametrize(
    ("lon_i", "lat_i", "cell"),
    [
        (-17995, 8995, 0),
        (17995, 8995, grid.COLUMNS - 1),
        (-17995, 8985, grid.COLUMNS),
        (-5, 5, 899 * grid.COLUMNS + 1799),
        (5, -5, 900 * grid.COLUMNS + 1800),
        (17995, -8995, grid.CELLS - 1),
    ],
)
def test_cells_run_from_the_north_west_row_by_row(lon_i: int, lat_i: int, cell: int) -> None:
    assert grid.cell(lon_i, lat_i) == cell
    assert grid.cell_centre(cell) == (lon_i, lat_i)


@given(CELLS)
def test_every_cell_is_the_cell_of_its_centre(cell: int) -> None:
    lon_i, lat_i = grid.cell_centre(cell)
    assert grid.on_grid(lon_i, lat_i)
    assert grid.cell(lon_i, lat_i) == cell


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
def test_cells_of_arrays_of_any_width(kind: type[np.signedinteger]) -> None:
    # Manifests hold the keys as int16, in which neither a cell nor 179.95° - -179.95° fits.
    lon_i = np.array([-17995, 17995, -5, 17995], dtype=kind)
    lat_i = np.array([8995, 8995, 5, -8995], dtype=kind)
    expected = [0, 3599, 899 * 3600 + 1799, grid.CELLS - 1]
    assert grid.cell(lon_i, lat_i).tolist() == expected
    assert grid.cell(lon_i, lat_i).dtype == max(np.dtype(kind), np.dtype(np.int32))
    assert int(grid.cell(lon_i[3], lat_i[3])) == grid.CELLS - 1
    back = grid.cell_centre(np.array(expected))
    assert [part.tolist() for part in back] == [lon_i.tolist(), lat_i.tolist()]


@pytest.mark.parametrize(
    ("lon_i", "lat_i"), [(0, 5), (5, 0), (80, 4995), (18005, 5), (-18005, 5), (5, 9005), (5, -9005)]
)
def test_what_is_not_on_the_grid(lon_i: int, lat_i: int) -> None:
    assert not grid.on_grid(lon_i, lat_i)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(hundredths=LON_I)
def test_degrees_of_either_precision_snap_to_their_centre(
    kind: type[np.floating], hundredths: int
) -> None:
    snapped, usable, centred = grid.to_hundredths(np.array([hundredths / 100], dtype=kind))
    assert (snapped.tolist(), usable.tolist(), centred.tolist()) == ([hundredths], [True], [True])


@pytest.mark.parametrize(
    ("value", "hundredths", "usable", "centred"),
    [
        (0.8500000001, 85, True, True),
        (-0.0499999999, -5, True, True),
        (-0.0, 0, True, False),
        (0.85009, 85, True, True),  # 10 m: the noise a centre may have
        (0.8502, 85, True, False),  # 22 m
        (0.8, 80, True, False),
        (0.9, 90, True, False),
        (1e300, 0, False, False),
        (float("nan"), 0, False, False),
        (float("inf"), 0, False, False),
        (float("-inf"), 0, False, False),
    ],
)
def test_noise_offsets_and_nonsense(
    value: float, hundredths: int, usable: bool, centred: bool
) -> None:
    snapped = grid.to_hundredths(np.array([value]))
    assert [part.tolist() for part in snapped] == [[hundredths], [usable], [centred]]
