/** The map itself: made once, and brought into step with the state. */

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import type { GeoJSON } from "geojson";
import { type GeoJSONSource, Map as MapLibre, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Config } from "../config";
import { palette, pyramid } from "../domain/pyramid";
import {
  chosen,
  held,
  holders,
  isOnPicture,
  isSatelliteDown,
  painting,
  picture,
  theme,
  trouble,
  view,
} from "../state";
import { cameraOrHome, followCamera, isCalm } from "./camera";
import { CoverageLayer } from "./coverage_layer";
import { loadLand } from "./land";
import { followMarks, markLayers, markSources } from "./marks";
import { followPointer } from "./pointer";
import {
  groundLayers,
  groundSources,
  pictureAddress,
  SATELLITE,
  satelliteLayer,
  satelliteSource,
} from "./style";
import { followTiles } from "./vector_tiles";

/** The layer before which tiles are drawn: coast, borders and names stay readable over them. */
const ABOVE_TILES = "coast";

setWorkerUrl(workerUrl);

export function createMap(container: HTMLElement, config: Config): MapLibre {
  const { lon, lat, zoom } = cameraOrHome();
  const look = () => ({ theme: theme.value, isOnPicture: isOnPicture.value });
  const map = new MapLibre({
    container,
    style: {
      version: 8,
      projection: { type: view.value.flat ? "mercator" : "globe" },
      sky: { "atmosphere-blend": ["interpolate", ["linear"], ["zoom"], 0, 0.6, 5, 0.3, 7, 0] },
      sources: { ...groundSources(), ...markSources() },
      layers: [...groundLayers(look()), ...markLayers()],
    },
    center: [lon, lat],
    zoom,
    maxZoom: 16,
    maxPitch: 60,
    // Shift and dragging draw a box of ours.
    boxZoom: false,
    attributionControl: false,
    fadeDuration: isCalm() ? 0 : 300,
  });
  map.getCanvas().setAttribute("aria-label", "Map of the tiles: arrows move it, + and − zoom");
  const isLandOver = signal(false);
  followRest(map, container, isLandOver);
  map.on("error", ({ error }) => console.debug(error.message));
  map.once("style.load", () => {
    const coverage = new CoverageLayer();
    map.addLayer(coverage, ABOVE_TILES);
    effect(() => paintCoverage(coverage));
    effect(() => restyle(map, look()));
    effect(() => showSatellite(map, config));
    effect(() => {
      map.setProjection({ type: view.value.flat ? "mercator" : "globe" });
    });
    followTiles(map, ABOVE_TILES);
    followMarks(map);
    followPointer(map);
    followCamera(map);
    // The tiles first: the land takes as long to read as they do.
    once(
      () => painting.value !== null || trouble.value !== null,
      () => void drawLand(map).finally(() => (isLandOver.value = true)),
    );
    void tryPictures(config);
  });
  return map;
}

/** Run when something has become true. */
function once(isTrue: () => boolean, run: () => void): void {
  const stop = effect(() => {
    if (isTrue()) queueMicrotask(() => (stop(), run()));
  });
}

/** Tell who waits, a screen reader or a test, whether the map is still being drawn. */
function followRest(
  map: MapLibre,
  container: HTMLElement,
  isLandOver: ReadonlySignal<boolean>,
): void {
  const isAtRest = signal(false);
  const stir = () => {
    isAtRest.value = false;
  };
  map.on("movestart", stir);
  map.on("dataloading", stir);
  map.on("idle", () => {
    isAtRest.value = true;
  });
  effect(() => {
    if (painting.value) stir();
  });
  effect(() => {
    const isShown = picture.value?.legend.collection === chosen.value?.year.collection;
    container.ariaBusy = String(!isAtRest.value || !isShown || !isLandOver.value);
  });
}

function paintCoverage(layer: CoverageLayer): void {
  if (!picture.value || !painting.value) return;
  const filter = held.value && holders.value && { holders: holders.value.cells, held: held.value };
  layer.show(pyramid(picture.value.cells, palette(painting.value), filter));
}

/** Give the layers of the ground the colours of a theme. */
function restyle(map: MapLibre, look: Parameters<typeof groundLayers>[0]): void {
  for (const { id, paint } of groundLayers(look)) {
    for (const [name, value] of Object.entries(paint ?? {})) {
      map.setPaintProperty(id, name as "fill-color", value as string);
    }
  }
}

function showSatellite(map: MapLibre, config: Config): void {
  const isWanted = isOnPicture.value;
  const isThere = map.getLayer(SATELLITE) !== undefined;
  if (isWanted && !isThere) {
    map.addSource(SATELLITE, satelliteSource(config.basemap));
    map.addLayer(satelliteLayer(), "coverage");
  } else if (!isWanted && isThere) {
    map.removeLayer(SATELLITE);
    map.removeSource(SATELLITE);
  }
}

async function drawLand(map: MapLibre): Promise<void> {
  try {
    const land = Object.entries(await loadLand()) as [string, GeoJSON][];
    await Promise.all(
      land.map(async ([id, data]) => map.getSource<GeoJSONSource>(id)?.setData(data)),
    );
  } catch (error) {
    console.warn("the land outline cannot be had:", error);
  }
}

/** Pictures are used only when one can be had: a page without a network is not to ask for more. */
async function tryPictures({ basemap }: Config): Promise<void> {
  if (!basemap.tiles) return;
  const one = pictureAddress(basemap.tiles).replace(/\{[xyz]\}/g, "0");
  isSatelliteDown.value = !(await fetch(one).then(
    ({ ok }) => ok,
    () => false,
  ));
}
