"""Spatial functions between an item's footprint and geometries of the filter."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from tessera_api import geometries
from tessera_api.errors import InvalidFilter, InvalidParameter
from tessera_api.filters.operands import Json, exactly
from tessera_api.filters.properties import Properties

CONVERSE = {
    "s_contains": "s_within",
    "s_crosses": "s_crosses",
    "s_disjoint": "s_disjoint",
    "s_equals": "s_equals",
    "s_intersects": "s_intersects",
    "s_overlaps": "s_overlaps",
    "s_touches": "s_touches",
    "s_within": "s_contains",
}
"""Each function, and the one that says the same with its operands swapped."""

FUNCTIONS = set(CONVERSE)

_SHAPELY = {name: getattr(shapely, name.removeprefix("s_")) for name in FUNCTIONS}


def function(name: str, arguments: list[Any], properties: Properties) -> Json:
    """A spatial function as pgSTAC takes it, which knows the footprint on the left alone."""
    left, right = (_operand(node, properties) for node in exactly(2, name, arguments))
    if left is None and right is None:
        raise InvalidFilter(f"{name.upper()} needs a geometry to relate the footprint to")
    if left is not None and right is not None:
        return bool(_SHAPELY[name](left, right))
    if left is not None:
        name, right = CONVERSE[name], left
    assert right is not None  # noqa: S101  # of the two, one is a geometry
    return _related(name, geometries.parts(right))


def _operand(node: Json, properties: Properties) -> BaseGeometry | None:
    """A geometry of the filter, or None for the footprint."""
    if not isinstance(node, dict):
        raise InvalidFilter("spatial functions take geometries and the property 'geometry'")
    if "property" in node:
        found = properties.get(node["property"])
        if found.name != "geometry":
            raise InvalidFilter(
                f"spatial functions take the property 'geometry', not '{found.name}'"
            )
        return None
    if "op" in node:
        raise InvalidFilter(f"{str(node['op'])[:40]} is not supported as a geometry")
    try:
        if "bbox" in node:
            numbers = node["bbox"]
            return geometries.box(numbers if isinstance(numbers, list) else [])
        return geometries.geometry(node)
    except InvalidParameter as error:
        raise InvalidFilter(str(error)) from error


def _related(name: str, parts: dict[int, BaseGeometry]) -> Json:
    """The footprint related to a geometry in parts of one dimension each.

    A footprint is an area. It meets a mixture if it meets a part of it; it lies within one, or is
    one, only by its areas.
    """
    areas = parts.get(2)
    single = [{"op": name, "args": [{"property": "geometry"}, geometries.geojson(part)]}
              for part in parts.values()]  # fmt: skip
    if len(single) == 1:
        return single[0]
    if name in ("s_intersects", "s_disjoint"):
        return {"op": "or" if name == "s_intersects" else "and", "args": single}
    if name == "s_within" and areas is not None:
        return {"op": name, "args": [{"property": "geometry"}, geometries.geojson(areas)]}
    if name in ("s_equals", "s_within"):
        return False
    raise InvalidFilter(
        f"{name.upper()} with a collection of points, lines and areas is not supported"
    )
