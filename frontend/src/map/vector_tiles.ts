/** Near the ground: the tiles themselves, outlined, from the API's vector tiles. */

import { effect } from "@preact/signals";
import type { Map as MapLibre, VectorTileSource } from "maplibre-gl";
import { API } from "../catalogue/api";
import { chosen, ground } from "../state";

/** Zoom from which on there are outlines; above, the coverage picture says as much. */
export const MIN_ZOOM = 6;

/** Zoom of the nearest vector tiles there are; from there on they are enlarged. */
const MAX_ZOOM = 14;

const SOURCE = "tiles";

/** Squares of the tiles, invisible: they are what the pointer finds. */
export const SQUARES = "tile-squares";

const OUTLINES = "tile-outlines";

export function followTiles(map: MapLibre, above: string): void {
  effect(() => {
    const year = chosen.value?.year;
    if (!year) return;
    // The revision makes it another address, and so a new request, when tiles have changed.
    const address = `${API}tiles/${year.collection}/{z}/{x}/{y}.mvt?revision=${year.revision}`;
    const source = map.getSource<VectorTileSource>(SOURCE);
    if (!source) addLayers(map, address, above);
    else if (source.tiles[0] !== address) source.setTiles([address]);
  });
  effect(() => {
    const color = ground.value === "dark" ? "#ffffff" : "#0b2436";
    if (chosen.value && map.getLayer(OUTLINES)) map.setPaintProperty(OUTLINES, "line-color", color);
  });
}

function addLayers(map: MapLibre, address: string, above: string): void {
  map.addSource(SOURCE, {
    type: "vector",
    tiles: [address],
    minzoom: MIN_ZOOM,
    maxzoom: MAX_ZOOM,
  });
  const part = { source: SOURCE, "source-layer": "tiles", minzoom: MIN_ZOOM };
  map.addLayer({ id: SQUARES, type: "fill", ...part, paint: { "fill-opacity": 0 } }, above);
  map.addLayer(
    {
      id: OUTLINES,
      type: "line",
      ...part,
      paint: {
        "line-opacity": ["interpolate", ["linear"], ["zoom"], 6, 0.12, 8, 0.3, 11, 0.5],
        "line-width": ["interpolate", ["linear"], ["zoom"], 6, 0.5, 10, 1, 14, 2],
      },
    },
    above,
  );
}
