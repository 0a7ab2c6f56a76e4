"""Boundaries of countries, to join tiles with: `python -m tessera_catalog.boundaries FILE`.

FILE is whatever GDAL reads and names its countries: a GeoPackage, a shapefile or TopoJSON, such as
https://github.com/topojson/world-atlas makes of Natural Earth, which the map is built with.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from shapely import make_valid
from shapely.geometry import shape

from tessera_catalog.application import Application
from tessera_catalog.database import connect, query
from tessera_catalog.errors import InputError
from tessera_catalog.migrations import migrate
from tessera_catalog.run import run

_LAYER = "countries"
"""The layer taken of a file that has it; else the first one."""

_NAMES = ("name", "NAME", "ADMIN", "NAME_EN")


def load_countries(path: Path, conninfo: str = "") -> int:
    """Put the countries of a file in the place of those in tessera.country; returns their number.

    InputError when the file cannot be read or has no named polygons.
    """
    countries = _read(path)
    migrate(conninfo)
    with connect(conninfo) as connection:
        connection.execute("DELETE FROM tessera.country")
        with connection.cursor() as cursor:
            cursor.executemany(query("put_country"), list(countries.items()))
        connection.execute(query("divide_countries"))
    return len(countries)


def _read(path: Path) -> dict[str, bytes]:
    """WKB of valid areas in WGS 84, by name."""
    try:
        import antimeridian
        import geopandas
        import pyogrio
    except ImportError as error:
        raise InputError(
            f"{error.name} is needed: in the checkout, pip install '.[analysts]'"
        ) from error
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        frame = geopandas.read_file(path, layer=_LAYER if _LAYER in layers else 0)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    column = next((name for name in _NAMES if name in frame.columns), None)
    areas = frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]
    if column is None or areas.empty:
        raise InputError(f"{path}: no areas with a name ({', '.join(_NAMES)}): is it of countries?")
    named = areas[areas[column].notna()]
    located = named.set_crs(4326) if named.crs is None else named.to_crs(4326)
    # TopoJSON has areas on both sides of the antimeridian in one piece, drawn across the map, and
    # files of small scale have rings that cross themselves.
    with warnings.catch_warnings(action="ignore", category=antimeridian.FixWindingWarning):
        cut = [shape(antimeridian.fix_shape(area)) for area in located.geometry]
    located.geometry = make_valid(cut)
    whole = located.dissolve(column)
    return dict(zip(whole.index, whole.make_valid().to_wkb(), strict=True))


app = Application()


@app.verb
def main(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="areas of countries, with names")],
) -> None:
    """Load the boundaries of countries into the database that PG* names."""
    typer.echo(f"{load_countries(path)} countries")


if __name__ == "__main__":
    run(app, Path(sys.argv[0]).stem)
