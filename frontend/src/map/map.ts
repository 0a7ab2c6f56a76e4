/** The map itself: made once, and brought into step with the state. */

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import type { GeoJSON } from "geojson";
import { type GeoJSONSource, Map as MapLibre, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { type Config, config } from "../config";
import { palette, pyramid } from "../domain/pyramid";
import {
  chosen,
  held,
  holders,
  isOnPicture,
  isSatelliteDown,
  painting,
  picture,
  summary,
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
  WATER,
} from "./style";
import { followTiles } from "./vector_tiles";

/** The layer before which tiles are drawn: it, borders and names stay readable over them. */
const ABOVE_TILES = "coast";

setWorkerUrl(workerUrl);

/** Milliseconds that everything else waits for tiles, at most. */
const PATIENCE = 1000;

/** `ready` is called when the tiles are on the screen, or will not be for a while. */
export function createMap(container: HTMLElement, ready: () => void): MapLibre {
  const { lon, lat, zoom } = cameraOrHome();
  const map = new MapLibre({
    container,
    style: {
      version: 8,
      projection: { type: view.value.flat ? "mercator" : "globe" },
      sources: {},
      layers: groundLayers(look()).filter(({ id }) => id === WATER),
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
  const isFurnished = signal(false);
  followRest(map, container, isFurnished);
  map.on("error", ({ error }) => console.debug(error.message));
  map.once("style.load", () => {
    const isTime = signal(false);
    const coverage = new CoverageLayer(() => (isTime.value = true));
    map.addLayer(coverage);
    effect(() => paintCoverage(coverage));
    effect(() => {
      map.setProjection({ type: view.value.flat ? "mercator" : "globe" });
    });
    followCamera(map);
    // The tiles first: everything else takes longer to draw than they do.
    setTimeout(() => (isTime.value = true), PATIENCE);
    once(
      () => isTime.value || trouble.value !== null,
      () => {
        ready();
        void furnish(map, coverage.id).finally(() => (isFurnished.value = true));
      },
    );
  });
  return map;
}

/** Everything but water and tiles. */
async function furnish(map: MapLibre, coverage: string): Promise<void> {
  map.setSky({ "atmosphere-blend": ["interpolate", ["linear"], ["zoom"], 0, 0.6, 5, 0.3, 7, 0] });
  for (const [id, source] of Object.entries({ ...groundSources(), ...markSources() })) {
    map.addSource(id, source);
  }
  let before: string | undefined = coverage;
  for (const layer of [...groundLayers(look()), ...markLayers()]) {
    if (layer.id === ABOVE_TILES) before = undefined;
    if (layer.id !== WATER) map.addLayer(layer, before);
  }
  effect(() => restyle(map, look()));
  effect(() => showSatellite(map, config.value, coverage));
  effect(() => void tryPictures(config.value));
  followTiles(map, ABOVE_TILES);
  followMarks(map);
  followPointer(map);
  await drawLand(map);
}

function look(): Parameters<typeof groundLayers>[0] {
  return { theme: theme.value, isOnPicture: isOnPicture.value };
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
  isFurnished: ReadonlySignal<boolean>,
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
    const isKnown = summary.value !== null || trouble.value !== null;
    const isShown = isKnown && picture.value?.legend.collection === chosen.value?.year.collection;
    container.ariaBusy = String(!isAtRest.value || !isShown || !isFurnished.value);
  });
}

function paintCoverage(layer: CoverageLayer): void {
  if (!picture.value || !painting.value) return;
  const filter = held.value && holders.value && { holders: holders.value.cells, held: held.value };
  layer.show(pyramid(picture.value.cells, palette(painting.value), filter));
}

/** Give the layers of the ground the colours of a theme. */
function restyle(map: MapLibre, as: ReturnType<typeof look>): void {
  for (const { id, paint } of groundLayers(as)) {
    for (const [name, value] of Object.entries(paint ?? {})) {
      map.setPaintProperty(id, name as "fill-color", value as string);
    }
  }
}

function showSatellite(map: MapLibre, { basemap }: Config, coverage: string): void {
  const isWanted = isOnPicture.value;
  const isThere = map.getLayer(SATELLITE) !== undefined;
  if (isWanted && !isThere) {
    map.addSource(SATELLITE, satelliteSource(basemap));
    map.addLayer(satelliteLayer(), coverage);
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
