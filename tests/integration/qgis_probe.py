"""What QGIS sees of a project, as JSON: run by the Python that QGIS belongs to.

python3 qgis_probe.py PROJECT WEST SOUTH EAST NORTH
"""

from __future__ import annotations

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsFeatureRequest,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)


def seen(layer: QgsVectorLayer, area: QgsRectangle) -> dict[str, object]:
    """What a layer is, and what it has in an area: all at once, and one by one by number."""
    found = list(layer.getFeatures(QgsFeatureRequest(area)))
    again = [layer.getFeature(feature.id()) for feature in found[:20]]
    return {
        "name": layer.name(),
        "valid": layer.isValid(),
        "key": [layer.fields()[i].name() for i in layer.primaryKeyAttributes()],
        "type": QgsWkbTypes.displayString(layer.wkbType()),
        "crs": layer.crs().authid(),
        "ids": sorted(feature["id"] for feature in found),
        "same": [a.attributes() == b.attributes() for a, b in zip(found, again, strict=False)],
        "drawn": layer.renderer().type(),
    }


def main() -> None:
    """Open the project and print its layers."""
    path, *bounds = sys.argv[1:]
    application = QgsApplication([], False)
    application.initQgis()
    project = QgsProject.instance()
    if not project.read(path):
        raise SystemExit(project.error())
    print("opened", flush=True)
    sys.stdin.readline()
    area = QgsRectangle(*map(float, bounds))
    layers = [node.layer() for node in project.layerTreeRoot().findLayers()]
    print(json.dumps([seen(layer, area) for layer in layers]))
    application.exitQgis()


main()
