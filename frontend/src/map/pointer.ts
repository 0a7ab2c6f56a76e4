/** The pointer on the map: what is under it, clicks on tiles, and boxes drawn with it. */

import { effect } from "@preact/signals";
import type { LngLat, Map as MapLibre, MapMouseEvent, MapTouchEvent } from "maplibre-gl";
import { type Box, cellAt, itemId, wrap } from "../domain/grid";
import { chosen, draft, hovered, show, shown, tool } from "../state";
import { flyTo } from "./camera";
import { SQUARES } from "./vector_tiles";

/** Zoom from which on a tile is large enough to be pointed at. */
export const POINTING_ZOOM = 4;

const CLICK_ZOOM = 6.5;

export function followPointer(map: MapLibre): void {
  map.on("mousemove", (event) => {
    hovered.value = draft.value ? null : under(map, event);
  });
  map.on("mouseout", () => {
    hovered.value = null;
  });
  map.on("movestart", () => {
    hovered.value = null;
  });
  map.on("click", (event) => {
    if (tool.value === "box") return;
    if (map.getZoom() < POINTING_ZOOM) {
      flyTo(map, { lon: event.lngLat.lng, lat: event.lngLat.lat }, CLICK_ZOOM);
      return;
    }
    const cell = tileAt(event.lngLat);
    const year = chosen.value?.year.year;
    show({ tile: cell === null || year === undefined ? null : itemId(year, cell) });
  });
  effect(() => {
    const isTile = hovered.value !== null;
    map.getCanvas().style.cursor = tool.value === "box" ? "crosshair" : isTile ? "pointer" : "";
  });
  followBoxes(map);
}

/** The cell at a place if it has a tile in the year shown. */
function tileAt({ lng, lat }: LngLat): number | null {
  const cell = cellAt({ lon: lng, lat });
  return shown.value?.cells[cell] ? cell : null;
}

function under(map: MapLibre, { point, lngLat }: MapMouseEvent): typeof hovered.value {
  const cell = map.getZoom() < POINTING_ZOOM ? null : tileAt(lngLat);
  if (cell === null) return null;
  const [feature] = map.getLayer(SQUARES)
    ? map.queryRenderedFeatures(point, { layers: [SQUARES] })
    : [];
  const { embeddings_size, scales_size, verified } = feature?.properties ?? {};
  const isSized = embeddings_size !== undefined && scales_size !== undefined;
  return {
    cell,
    x: point.x,
    y: point.y,
    bytes: isSized ? Number(embeddings_size) + Number(scales_size) : null,
    verified: typeof verified === "string" ? verified : null,
  };
}

/** A box is drawn with the tool, or with shift held down. */
function followBoxes(map: MapLibre): void {
  let start: LngLat | null = null;
  const begin = (event: MapMouseEvent | MapTouchEvent) => {
    const { originalEvent } = event;
    const isOne = !("touches" in originalEvent) || originalEvent.touches.length === 1;
    if (!isOne || (tool.value !== "box" && !originalEvent.shiftKey)) return;
    event.preventDefault();
    start = event.lngLat;
  };
  const move = ({ lngLat }: MapMouseEvent | MapTouchEvent) => {
    if (start) draft.value = between(start, lngLat);
  };
  const end = () => {
    const box = draft.value;
    start = null;
    draft.value = null;
    if (box) {
      tool.value = "look";
      show({ area: { box }, tile: null });
    }
  };
  map.on("mousedown", begin);
  map.on("touchstart", begin);
  map.on("mousemove", move);
  map.on("touchmove", move);
  map.on("mouseup", end);
  map.on("touchend", end);
}

/** The box with two corners, the shorter way round the world. */
export function between(
  one: { lng: number; lat: number },
  other: { lng: number; lat: number },
): Box {
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  const isEast = wrap(other.lng - one.lng) >= 0;
  const [west, east] = isEast ? [one.lng, other.lng] : [other.lng, one.lng];
  return {
    west: round(wrap(west)),
    south: round(Math.min(one.lat, other.lat)),
    east: round(wrap(east)),
    north: round(Math.max(one.lat, other.lat)),
  };
}
