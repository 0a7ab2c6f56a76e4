"""The times and the boxes of requests."""

from __future__ import annotations

import pytest

from tessera_api import geometries, times
from tessera_api.errors import InvalidParameter


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00.000000Z"),
        ("2024-01-31t12:00:00.25z", "2024-01-31T12:00:00.250000Z"),
        ("2024-01-31T12:00:00.123456789+01:00", "2024-01-31T11:00:00.123456Z"),
        ("2024-01-31T12:00:00 01:00", "2024-01-31T11:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_instants(text: str, instant: str) -> None:
    assert times.instant(text) == instant


@pytest.mark.parametrize(
    "text",
    ["", "now", "infinity", "2024", "2024-13-01", "2024-02-30", "0000-01-01", "99999-01-01",
     "2024-01-01T24:00:01Z", "2024-01-01T12:00Z", "2024-01-01T12:00:00", "2024-01-01'; --", "P1Y",
     "0001-01-01T00:00:00+10:00", "2024-01-01T00:00:00+99:00"],
)  # fmt: skip
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(InvalidParameter):
        times.instant(text)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00.000000Z"),
        ("2024-01-01/2024-12-31T23:59:59Z", "2024-01-01/2024-12-31T23:59:59.000000Z"),
        ("2024-01-01/2024-01-01", "2024-01-01/2024-01-01"),
        ("2024-01-01/..", "2024-01-01/.."),
        ("/2024-01-01", "/2024-01-01"),
    ],
)
def test_intervals(text: str, interval: str) -> None:
    assert times.interval(text) == interval


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("../..", "open at both"),
        ("/", "open at both"),
        ("..", "one instant, or two"),
        ("2024-01-31", "a day is an interval"),
        ("2024-01-01/2024-01-02/2024-01-03", "one instant, or two"),
        ("2024-01-02/2024-01-01", "ends before"),
        ("2024-01-01T00:00:01Z/2024-01-01T00:00:00Z", "ends before"),
    ],
)
def test_what_is_no_interval(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        times.interval(text)


@pytest.mark.parametrize(
    ("numbers", "bounds"),
    [
        ([0, 52, 0.2, 52.3], [(0, 52, 0.2, 52.3)]),
        ([0, 52, -10, 0.2, 52.3, 10], [(0, 52, 0.2, 52.3)]),
        ([170, -10, -170, 10], [(170, -10, 180, 10), (-180, -10, -170, 10)]),
        ([190, 0, 200, 1], [(-170, 0, -160, 1)]),
        ([175, 0, 185, 1], [(175, 0, 180, 1), (-180, 0, -175, 1)]),
        ([-200, -90, 200, 90], [(-180, -90, 180, 90)]),
        ([5, 5, 5, 5], [(5, 5, 5, 5)]),
        ([-(10**20), 0, 10**20, 1], [(-180, 0, 180, 1)]),
    ],
)
def test_boxes(numbers: list[float], bounds: list[tuple[float, ...]]) -> None:
    found = geometries.box(numbers)
    parts = list(getattr(found, "geoms", [found]))
    assert [part.bounds for part in parts] == bounds


@pytest.mark.parametrize(
    "numbers",
    [[], [1, 2, 3], [1, 2, 3, 4, 5], [0, 5, 1, 4], [0, 0, float("nan"), 1],
     [0, 0, float("inf"), 1], [0, 0, 10**400, 1], [0, 0, "1", 1], [None] * 4],
)  # fmt: skip
def test_what_is_no_box(numbers: list[float]) -> None:
    with pytest.raises(InvalidParameter):
        geometries.box(numbers)


@pytest.mark.parametrize(
    "node",
    [
        None,
        [],
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": [float("nan"), 1]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Nothing"}]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "MultiPoint", "coordinates": [[0, 0]] * (geometries.MAX_VERTICES + 1)},
    ],
)
def test_what_is_no_geometry(node: object) -> None:
    with pytest.raises(InvalidParameter):
        geometries.geometry(node)
