"""Write the project that QGIS opens the catalogue with, by QGIS itself.

    PGSERVICEFILE=… python3 deploy/qgis/make_project.py OUT.qgs YEAR STORE...

The layers name their database as the service `tessera`. Run with Debian's Python, to which QGIS
belongs: hence no imports of ours.
"""

from __future__ import annotations

import sys

from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsDataSourceUri,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsProject,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsRendererCategory,
    QgsRendererRange,
    QgsSettings,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)

SERVICE = "tessera"
CLOSE = 4_000_000
"""The denominator of the scale from which on single tiles are drawn."""

COPIES = {1: "#d95f0e", 2: "#fec44f", 3: "#2c7f71"}
SHARES = ("#b2182b", "#ef8a62", "#fddbc7", "#d1e5f0", "#2c7f71")


def layer(table: str, name: str, where: str) -> QgsVectorLayer:
    """A layer of a table in the schema, with its key, its type and its reference system."""
    uri = QgsDataSourceUri()
    uri.setConnection(SERVICE, "", "", "")
    uri.setDataSource("tessera", table, "geom", where, "id")
    uri.setSrid("4326")
    uri.setWkbType(3)
    uri.setUseEstimatedMetadata(True)
    made = QgsVectorLayer(uri.uri(False), name, "postgres")
    if not made.isValid():
        raise SystemExit(f"{name}: {made.error().summary() or 'cannot be read'}")
    # Else opening the project would look at all of it.
    made.setExtent(QgsRectangle(-180, -90, 180, 90))
    made.setReadExtentFromXml(True)
    return made


def fill(colour: str, opacity: float = 0.7) -> QgsFillSymbol:
    """A square of one colour."""
    symbol = QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"})
    symbol.setOpacity(opacity)
    return symbol


def coverage(year: str) -> QgsVectorLayer:
    """Squares of a degree by the share of copies that are there, for small scales."""
    made = layer("coverage", f"Coverage {year}, % of copies", f"year = {year}")
    # Of each tile one copy for each store that the squares name.
    share = '100 * array_sum(map_avals("held")) / ("tiles" * array_length(map_akeys("held")))'
    step = 100 / len(SHARES)
    ranges = [
        QgsRendererRange(
            i * step, (i + 1) * step, fill(colour), f"{i * step:.0f}–{(i + 1) * step:.0f}"
        )
        for i, colour in enumerate(SHARES)
    ]
    made.setRenderer(QgsGraduatedSymbolRenderer(share, ranges))
    made.setScaleBasedVisibility(True)
    made.setMaximumScale(CLOSE)
    made.setMinimumScale(0)  # however far away
    return made


def tiles(year: str) -> QgsVectorLayer:
    """Tiles by the number of their copies, for large scales."""
    made = layer("tile", f"Tiles {year}, number of copies", f"year = {year}")
    categories = [
        QgsRendererCategory(copies, fill(colour), str(copies)) for copies, colour in COPIES.items()
    ]
    made.setRenderer(QgsCategorizedSymbolRenderer("store_count", categories))
    made.setScaleBasedVisibility(True)
    made.setMinimumScale(CLOSE)
    made.setDisplayExpression('tostring("year") || \' \' || "lon" || \' \' || "lat"')
    return made


def gaps(year: str, store: str) -> QgsVectorLayer:
    """Tiles that a store has no sound copy of."""
    # Written so that the server knows from its statistics how few they are.
    where = f"year = {year} AND NOT stores @> '{{{store}}}'"
    made = layer("tile", f"Gaps at {store}, {year}", where)
    symbol = QgsFillSymbol.createSimple(
        {"style": "no", "outline_color": "#b2182b", "outline_width": "0.5"}
    )
    made.setRenderer(QgsSingleSymbolRenderer(symbol))
    made.setScaleBasedVisibility(True)
    made.setMinimumScale(CLOSE)
    return made


def main() -> None:
    """Make the layers, the first ones on top, and write the project."""
    out, year, *stores = sys.argv[1:]
    application = QgsApplication([], False)
    application.initQgis()
    # Not who wrote it, nor when: the file is the same each time.
    QgsSettings().setValue("core/projects/anonymize_saved_projects", True)
    project = QgsProject.instance()
    project.setTitle("GeoTessera")
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    project.setTrustLayerMetadata(True)
    root = project.layerTreeRoot()
    for made in (*(gaps(year, store) for store in stores), tiles(year), coverage(year)):
        project.addMapLayer(made, False)
        node = root.addLayer(made)
        node.setExpanded(not made.name().startswith("Gaps"))
        node.setItemVisibilityChecked(not made.name().startswith("Gaps"))
    world = QgsReferencedRectangle(QgsRectangle(-180, -90, 180, 90), project.crs())
    project.viewSettings().setDefaultViewExtent(world)
    if not project.write(out):
        raise SystemExit(f"{out}: {project.error()}")
    application.exitQgis()


if __name__ == "__main__":
    main()
