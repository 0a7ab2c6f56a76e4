/** The land outline that comes with the page, from Natural Earth: there when nothing else is. */

import type {
  Feature,
  FeatureCollection,
  MultiLineString,
  MultiPolygon,
  Point,
  Polygon,
  Position,
} from "geojson";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import address from "world-atlas/countries-50m.json?url";

interface Named {
  name: string;
}

type Atlas = Topology<{ countries: GeometryCollection<Named>; land: GeometryCollection }>;

export interface Land {
  land: FeatureCollection;
  coast: Feature<MultiLineString>;
  borders: Feature<MultiLineString>;
  /** A place for the name of each country; `rank` is less the larger the country. */
  names: FeatureCollection<Point, { name: string; rank: number }>;
}

export async function loadLand(): Promise<Land> {
  const atlas = (await (await fetch(address)).json()) as Atlas;
  const { countries, land } = atlas.objects;
  const named = feature(atlas, countries) as FeatureCollection<Polygon | MultiPolygon, Named>;
  return {
    land: polygons(feature(atlas, land) as FeatureCollection<Polygon | MultiPolygon>),
    coast: lines(mesh(atlas, countries, (a, b) => a === b)),
    borders: lines(mesh(atlas, countries, (a, b) => a !== b)),
    names: {
      type: "FeatureCollection",
      features: named.features.map(({ geometry, properties: { name } }) => {
        const { at, area } = ringsOf(geometry)
          .map(([outer]) => middle(outer ?? []))
          .reduce((best, ring) => (ring.area > best.area ? ring : best));
        const point = { type: "Point" as const, coordinates: at };
        return { type: "Feature" as const, geometry: point, properties: { name, rank: -area } };
      }),
    },
  };
}

function polygons(all: FeatureCollection<Polygon | MultiPolygon>): FeatureCollection {
  const features = all.features.flatMap(({ geometry }) =>
    ringsOf(geometry).map((coordinates) => ({
      type: "Feature" as const,
      properties: {},
      geometry: { type: "Polygon" as const, coordinates },
    })),
  );
  return { type: "FeatureCollection", features };
}

function lines({ coordinates }: MultiLineString): Feature<MultiLineString> {
  const geometry = { type: "MultiLineString" as const, coordinates: coordinates.map(unrolled) };
  return { type: "Feature", properties: {}, geometry };
}

/** Rings of the polygons of a geometry, closed around the pole if they go around the world. */
function ringsOf({ type, coordinates }: Polygon | MultiPolygon): Position[][][] {
  return (type === "Polygon" ? [coordinates] : coordinates).map((rings) =>
    rings.map((ring) => {
      const round = unrolled(ring);
      const [first, last] = [round[0]?.[0] ?? 0, round[round.length - 1]?.[0] ?? 0];
      // Only Antarctica does, and Web Mercator ends at 85°.
      return first === last ? round : [...round, [last, -90], [first, -90], ...round.slice(0, 1)];
    }),
  );
}

/** The atlas goes on at the other side of the antimeridian; maps want lines without such leaps. */
function unrolled(line: Position[]): Position[] {
  let shift = 0;
  return line.map(([lon = 0, lat = 0], index) => {
    const step = lon - (line[index - 1]?.[0] ?? lon);
    if (Math.abs(step) > 180) shift -= 360 * Math.sign(step);
    return [lon + shift, lat];
  });
}

/** Centroid of a ring, and its area in square degrees of the equator. */
function middle(ring: Position[]): { at: Position; area: number } {
  let [area, x, y] = [0, 0, 0];
  ring.forEach(([x1 = 0, y1 = 0], index) => {
    const [x0 = 0, y0 = 0] = ring[index - 1] ?? [x1, y1];
    const cross = x0 * y1 - x1 * y0;
    area += cross / 2;
    x += ((x0 + x1) * cross) / 6;
    y += ((y0 + y1) * cross) / 6;
  });
  const at = area ? [x / area, y / area] : (ring[0] ?? [0, 0]);
  return { at, area: Math.abs(area) * Math.cos(((at[1] ?? 0) * Math.PI) / 180) };
}
