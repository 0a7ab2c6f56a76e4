"""Geometries and boxes of requests, checked and made such that PostGIS answers rightly."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from tessera_api.errors import InvalidParameter

MAX_VERTICES = 20_000
"""Of one geometry, and of all in a filter."""

_TYPES = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip


def geometry(node: Any) -> BaseGeometry:
    """A GeoJSON geometry without its heights; InvalidParameter when it is none, or not valid."""
    if not isinstance(node, dict) or node.get("type") not in _TYPES:
        raise InvalidParameter(f"a geometry must be GeoJSON of type {', '.join(_TYPES)}")
    if sum(1 for _ in _positions(node)) > MAX_VERTICES:
        raise InvalidParameter(f"a geometry has more than {MAX_VERTICES} vertices")
    try:
        found = shapely.force_2d(shapely.from_geojson(orjson.dumps(node)))
    except (shapely.errors.ShapelyError, orjson.JSONEncodeError, TypeError, ValueError) as error:
        raise InvalidParameter("a geometry is not GeoJSON of its type") from error
    if found is None or found.is_empty:
        raise InvalidParameter("a geometry is empty")
    if not all(math.isfinite(value) for value in found.bounds):
        raise InvalidParameter("a geometry has a coordinate that is not finite")
    if not found.is_valid:
        raise InvalidParameter(f"a geometry is not valid: {explain_validity(found)}")
    return found


def _positions(node: Any) -> Iterator[Any]:
    """Every position of a geometry, without recursion."""
    waiting = [node.get("coordinates"), node.get("geometries")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [part.get("coordinates"), part.get("geometries")]
        elif isinstance(part, list):
            if part and isinstance(part[0], int | float):
                yield part
            else:
                waiting += part


def box(numbers: Sequence[Any]) -> BaseGeometry:
    """A bounding box as longitude and latitude; heights are ignored, for tiles have none.

    A box whose west is east of its east crosses the antimeridian, and so does one that lies partly
    beyond 180 degrees, as maps that can be scrolled round send. InvalidParameter otherwise when
    it has not 4 or 6 finite numbers, or its south is north of its north.
    """
    if len(numbers) not in (4, 6):
        raise InvalidParameter(f"a bbox has 4 or 6 numbers, not {len(numbers)}")
    if not all(isinstance(n, int | float) and abs(n) <= sys.float_info.max for n in numbers):
        raise InvalidParameter("a bbox must have finite numbers only")
    west, south, *_ = map(float, numbers)
    east, north = map(float, numbers[len(numbers) // 2 : len(numbers) // 2 + 2])
    if south > north:
        raise InvalidParameter(f"the bbox has its south, {south}, north of its north, {north}")
    parts = [shapely.box(w, south, e, north) for w, e in _spans(west, east)]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _spans(west: float, east: float) -> list[tuple[float, float]]:
    """The longitudes of a box as ranges between -180 and 180."""
    if west < -180 or east > 180:
        if east - west >= 360:
            return [(-180, 180)]
        west, east = (west + 180) % 360 - 180, (east + 180) % 360 - 180
    return [(west, east)] if west <= east else [(west, 180), (-180, east)]


def geojson(found: BaseGeometry) -> dict[str, Any]:
    """The GeoJSON of a geometry."""
    return dict(mapping(found))


def parts(found: BaseGeometry) -> dict[int, BaseGeometry]:
    """A geometry as one of each dimension (0 points, 1 lines, 2 areas) it consists of.

    Parts of a collection that others cover are left out. PostGIS relates collections to nothing.
    """
    if found.geom_type != "GeometryCollection":
        return {shapely.get_dimensions(found): found}
    merged = shapely.union_all(shapely.get_parts(found))
    single = shapely.get_parts(shapely.geometrycollections([merged]))
    flat = [part for each in single for part in shapely.get_parts(each)]
    return {
        dimension: shapely.union_all(
            [part for part in flat if shapely.get_dimensions(part) == dimension]
        )
        for dimension in sorted({int(shapely.get_dimensions(part)) for part in flat})
    }
