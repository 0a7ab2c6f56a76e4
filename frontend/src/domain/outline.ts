/** Outlines of areas from files: the polygons of a GeoJSON or KML document. */

import type { GeoJSON, Position } from "geojson";
import type { Box } from "./grid";
import { isDegrees, type Area, type Polygons } from "./view";

/** A file has no outline in it; the message says why. */
export class OutlineError extends Error {}

export function parseOutline(text: string): Polygons {
  const found = text.trimStart().startsWith("<") ? fromKml(text) : fromGeoJson(text);
  const polygons = found.filter((rings) => rings.length > 0);
  if (polygons.length === 0) throw new OutlineError("there is no polygon in it");
  const wrong = polygons.flat(2).find((point) => !isDegrees(point));
  if (wrong) {
    throw new OutlineError(`its coordinates are not degrees (found ${JSON.stringify(wrong)})`);
  }
  return polygons;
}

function fromGeoJson(text: string): Polygons {
  try {
    return polygonsOf(JSON.parse(text) as GeoJSON);
  } catch (error) {
    // Any other is of JSON.parse, or of what is not as the types say, or nested without end.
    if (error instanceof OutlineError) throw error;
    throw new OutlineError("it is neither GeoJSON nor KML");
  }
}

function polygonsOf(document: GeoJSON | null): Polygons {
  switch (document?.type) {
    case "FeatureCollection":
      return document.features.flatMap(polygonsOf);
    case "Feature":
      return polygonsOf(document.geometry);
    case "GeometryCollection":
      return document.geometries.flatMap(polygonsOf);
    case "Polygon":
      return [document.coordinates.map(ring)];
    case "MultiPolygon":
      return document.coordinates.map((rings) => rings.map(ring));
    default:
      return [];
  }
}

function fromKml(text: string): Polygons {
  const document = new DOMParser().parseFromString(text, "text/xml");
  const elements = (from: Document | Element, name: string) => [
    ...from.getElementsByTagNameNS("*", name),
  ];
  const rings = (polygon: Element, name: string) =>
    elements(polygon, name)
      .flatMap((boundary) => elements(boundary, "coordinates"))
      .map((found) =>
        ring(
          found.textContent
            .trim()
            .split(/\s+/)
            .map((point) => point.split(",").map(Number)),
        ),
      );
  return elements(document, "Polygon").map((polygon) => [
    ...rings(polygon, "outerBoundaryIs"),
    ...rings(polygon, "innerBoundaryIs"),
  ]);
}

/** Longitudes and latitudes alone, closed. */
function ring(positions: Position[]): [number, number][] {
  const points = positions.map(([lon, lat]): [number, number] => [lon!, lat!]);
  const [first, last] = [points[0], points[points.length - 1]];
  if (!first || !last || points.length < 3) throw new OutlineError("a ring has too few points");
  return first[0] === last[0] && first[1] === last[1] ? points : [...points, first];
}

export function boundsOf(area: Area): Box {
  if ("box" in area) return area.box;
  const points = area.outline.flat(2);
  const lons = points.map(([lon]) => lon);
  const lats = points.map(([, lat]) => lat);
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b));
  return { west: least(lons), south: least(lats), east: most(lons), north: most(lats) };
}

/** An area as polygons of longitudes that rise even across the antimeridian, for drawing. */
export function polygonsOfArea(area: Area): Polygons {
  if ("outline" in area) return area.outline;
  const { west, south, north } = area.box;
  const east = area.box.east < west ? area.box.east + 360 : area.box.east;
  // Parallels are curved on a globe: points along them keep the edges where they belong.
  const steps = Math.max(1, Math.ceil((east - west) / 2));
  const lons = Array.from({ length: steps + 1 }, (_, i) => west + ((east - west) * i) / steps);
  const along = (lat: number) => lons.map((lon): [number, number] => [lon, lat]);
  return [[[...along(south), ...along(north).reverse(), [west, south]]]];
}
