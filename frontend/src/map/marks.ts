/** What is marked on the map: the tile under the pointer, the one looked at, the area asked about. */

import { effect } from "@preact/signals";
import type { FeatureCollection, Position } from "geojson";
import type {
  GeoJSONSource,
  GeoJSONSourceSpecification,
  LayerSpecification,
  Map as MapLibre,
} from "maplibre-gl";
import { cellBox, parseId } from "../domain/grid";
import { polygonsOfArea } from "../domain/outline";
import type { Area, Polygons } from "../domain/view";
import { draft, found, hovered, view } from "../state";
import { geojson } from "./style";

const ACCENT = "#ffffff";
const SHADE = "#04101c";

/** More squares than this are not outlined one by one. */
const MAX_SQUARES = 20_000;

export function markSources(): Record<string, GeoJSONSourceSpecification> {
  return { area: geojson(), squares: geojson(), hovered: geojson(), selected: geojson() };
}

export function markLayers(): LayerSpecification[] {
  return [
    {
      id: "squares",
      type: "line",
      source: "squares",
      minzoom: 4,
      paint: { "line-color": ACCENT, "line-width": 0.8, "line-opacity": 0.4 },
    },
    {
      id: "area-fill",
      type: "fill",
      source: "area",
      paint: { "fill-color": ACCENT, "fill-opacity": 0.07 },
    },
    ...outline("area", 1.6, [3, 2]),
    ...outline("hovered", 1.6),
    ...outline("selected", 2.6),
  ];
}

/** White with a dark rim: seen on any ground. */
function outline(source: string, width: number, dashes?: number[]): LayerSpecification[] {
  const line = (id: string, color: string, width: number, more = {}): LayerSpecification => ({
    id,
    type: "line",
    source,
    layout: { "line-join": "round" },
    paint: { "line-color": color, "line-width": width, ...more },
  });
  return [
    line(`${source}-rim`, SHADE, width + 2.4, { "line-opacity": 0.7 }),
    line(source, ACCENT, width, dashes ? { "line-dasharray": dashes } : {}),
  ];
}

export function followMarks(map: MapLibre): void {
  const put = (source: string, polygons: Polygons) => {
    void map.getSource<GeoJSONSource>(source)?.setData(collection(polygons));
  };
  effect(() => put("hovered", hovered.value ? [square(hovered.value.cell)] : []));
  effect(() => {
    const tile = parseId(view.value.tile ?? "");
    put("selected", tile ? [square(tile.cell)] : []);
  });
  effect(() => {
    const area: Area | null = draft.value ? { box: draft.value } : view.value.area;
    put("area", area ? polygonsOfArea(area) : []);
  });
  effect(() => {
    const tiles = found.value?.isWhole ? found.value.tiles : [];
    const cells =
      tiles.length > MAX_SQUARES ? [] : tiles.flatMap(({ id }) => parseId(id)?.cell ?? []);
    put("squares", cells.map(square));
  });
}

function square(cell: number): [number, number][][] {
  const { west, south, east, north } = cellBox(cell);
  return [
    [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
      [west, south],
    ],
  ];
}

function collection(polygons: Polygons): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: polygons.map((coordinates: Position[][]) => ({
      type: "Feature",
      properties: {},
      geometry: { type: "Polygon", coordinates },
    })),
  };
}
