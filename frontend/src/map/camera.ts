/** The camera and the state follow each other. */

import { effect } from "@preact/signals";
import type { CameraOptions, LngLatBoundsLike, Map as MapLibre, PaddingOptions } from "maplibre-gl";
import { type Box, centre, parseId, type Place, wrap } from "../domain/grid";
import { boundsOf } from "../domain/outline";
import type { Area, Camera, View } from "../domain/view";
import { bounds, show, view } from "../state";

/** Cameras nearer to each other than this are the same: the address holds so many digits. */
const SAME = { degrees: 0.0011, zoom: 0.011 };

export function followCamera(map: MapLibre): void {
  map.setPadding(padding());
  const look = () => {
    bounds.value = seen(map);
  };
  map.on("moveend", () => {
    const now = cameraOf(map);
    if (!isSame(now, view.peek().camera ?? homeCamera())) show({ camera: now });
    look();
  });
  map.on("resize", () => {
    map.setPadding(padding());
    if (view.peek().camera === null) map.jumpTo(home());
    look();
  });
  effect(() => {
    const { camera } = view.value;
    if (camera && !isSame(cameraOf(map), camera) && !map.isMoving()) {
      map.jumpTo({ center: [camera.lon, camera.lat], zoom: camera.zoom });
    }
    if (!camera) map.jumpTo(home());
  });
  // On a phone the details would cover the very tile that was touched.
  effect(() => {
    const tile = parseId(view.value.tile ?? "");
    if (!isPhone() || (!tile && view.value.area)) return;
    map.easeTo({ padding: padding(), ...(tile && { center: centre(tile.cell) }), ...calm() });
  });
  look();
}

/** The whole world where nothing covers it. */
export function home(): CameraOptions & { padding: PaddingOptions } {
  const { lon, lat, zoom } = homeCamera();
  return { center: [lon, lat], zoom, bearing: 0, pitch: 0, padding: padding() };
}

export function cameraOrHome(): Camera {
  return view.peek().camera ?? homeCamera();
}

const HOME: Place = { lon: 12, lat: 22 };

/** Part of the free side that a globe takes up. */
const FILLED = 0.84;

function homeCamera(): Camera {
  const { left, right, top, bottom } = padding();
  const side = Math.min(innerWidth - left - right, innerHeight - top - bottom);
  // A globe's diameter is that of its equator, 512 px long at zoom 0; nearer the poles the zoom is
  // that of the latitude in Web Mercator.
  const diameter = (512 / Math.PI) * Math.cos((HOME.lat * Math.PI) / 180);
  return { ...HOME, zoom: Math.max(Math.log2((FILLED * side) / diameter), 0) };
}

/** Part of a phone's height that details cover, as the style sheet has it. */
const SHEET = 0.64;

function isPhone(): boolean {
  return matchMedia("(max-width: 760px)").matches;
}

/** Pixels that panels cover. */
function padding(): Required<PaddingOptions> {
  if (!isPhone()) return { left: 364, right: 50, top: 0, bottom: 96 };
  const bottom = isAsking(view.peek()) ? SHEET * innerHeight : 250;
  return { left: 0, right: 0, top: 0, bottom };
}

/** Whether details are open. */
function isAsking({ tile, area }: View): boolean {
  return tile !== null || area !== null;
}

export function flyTo(map: MapLibre, { lon, lat }: Place, zoom: number): void {
  map.flyTo({ center: [lon, lat], zoom: Math.max(zoom, map.getZoom()), ...calm() });
}

export function fitTo(map: MapLibre, area: Area): void {
  const { west, south, east, north } = boundsOf(area);
  const around: LngLatBoundsLike = [west, south, east < west ? east + 360 : east, north];
  map.fitBounds(around, { padding: 60, maxZoom: 10, ...calm() });
}

/** Whether somebody asked for less motion. */
export function isCalm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function calm(): { animate?: false; duration?: number } {
  return isCalm() ? { animate: false } : { duration: 1200 };
}

function cameraOf(map: MapLibre): Camera {
  const { lng, lat } = map.getCenter();
  return { lon: wrap(lng), lat, zoom: map.getZoom() };
}

function isSame(one: Camera, other: Camera): boolean {
  return (
    Math.abs(wrap(one.lon - other.lon)) < SAME.degrees &&
    Math.abs(one.lat - other.lat) < SAME.degrees &&
    Math.abs(one.zoom - other.zoom) < SAME.zoom
  );
}

/** The part of the world on the screen; all of it where a globe shows half of it. */
function seen(map: MapLibre): Box {
  const found = map.getBounds();
  const [west, east] = [found.getWest(), found.getEast()];
  const isGlobe = map.getProjection().type === "globe";
  const isRound = east - west >= (isGlobe ? 180 : 360);
  return {
    west: isRound ? -180 : wrap(west),
    south: isRound ? -90 : Math.max(found.getSouth(), -90),
    east: isRound ? 180 : wrap(east),
    north: isRound ? 90 : Math.min(found.getNorth(), 90),
  };
}
