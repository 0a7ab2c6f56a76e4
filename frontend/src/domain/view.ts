/** What is looked at, as it stands in the page's address, so that a link shows the same. */

import type { Box, Place } from "./grid";
import { MODES, type Mode } from "./modes";

export interface Camera extends Place {
  zoom: number;
}

/** Rings of longitudes and latitudes, the outer one of each polygon first, as GeoJSON has them. */
export type Polygons = [number, number][][][];

/** A part of the world somebody asks about. */
export type Area = { box: Box } | { outline: Polygons };

export interface View {
  /** null: the default one, or the year with the most tiles. */
  dataset: string | null;
  year: number | null;
  mode: Mode;
  /** The store the mode is about, or whose tiles alone are shown; null: all stores. */
  store: string | null;
  /** null: the whole world. */
  camera: Camera | null;
  flat: boolean;
  satellite: boolean;
  /** Id of the tile whose details are open. */
  tile: string | null;
  area: Area | null;
}

export const START: View = {
  dataset: null,
  year: null,
  mode: "copies",
  store: null,
  camera: null,
  flat: false,
  satellite: true,
  tile: null,
  area: null,
};

/** Longer outlines would make addresses that servers refuse. */
export const MAX_ADDRESS_POINTS = 100;

export function toQuery(view: View): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | null, usual: string | null = null) => {
    if (value !== null && value !== usual) query.set(name, value);
  };
  put("dataset", view.dataset);
  put("year", view.year === null ? null : String(view.year));
  put("mode", view.mode, START.mode);
  put("store", view.store);
  put("at", view.camera && writeCamera(view.camera));
  put("map", view.flat ? "flat" : null);
  put("ground", view.satellite ? null : "land");
  put("tile", view.tile);
  if (view.area && "box" in view.area) {
    const { west, south, east, north } = view.area.box;
    put("box", [west, south, east, north].map(short).join(","));
  } else if (view.area) {
    put("outline", writePolygons(view.area.outline));
  }
  // Commas and colons need no escape there, and addresses are read by people.
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
}

/** The view of an address; what cannot be read is left as it is at the start. */
export function fromQuery(text: string): View {
  const query = new URLSearchParams(text);
  const mode = MODES.find((known) => known === query.get("mode"));
  const year = Number(query.get("year"));
  return {
    dataset: query.get("dataset"),
    year: Number.isInteger(year) && year > 1900 && year < 10000 ? year : null,
    mode: mode ?? START.mode,
    store: query.get("store"),
    camera: readCamera(query.get("at")),
    flat: query.get("map") === "flat",
    satellite: query.get("ground") !== "land",
    tile: query.get("tile"),
    area: readArea(query),
  };
}

/** Whether going from one view to the other deserves an entry of its own in the history. */
export function isStep(one: View, other: View): boolean {
  return toQuery({ ...one, camera: null }) !== toQuery({ ...other, camera: null });
}

function writeCamera({ lon, lat, zoom }: Camera): string {
  return `${fixed(lon, 3)},${fixed(lat, 3)},${fixed(zoom, 2)}z`;
}

function readCamera(text: string | null): Camera | null {
  const [lon, lat, zoom, ...more] = numbers(text?.replace(/z$/, "") ?? "");
  if (lon === undefined || lat === undefined || zoom === undefined || more.length) return null;
  if (Math.abs(lat) > 90 || Math.abs(lon) > 360 || zoom < 0 || zoom > 20) return null;
  return { lon, lat, zoom };
}

function readArea(query: URLSearchParams): Area | null {
  const [west, south, east, north, ...more] = numbers(query.get("box") ?? "").map(rounded);
  if (west !== undefined && south !== undefined && east !== undefined && north !== undefined) {
    const box = { west, south, east, north };
    if (more.length === 0 && isBox(box)) return { box };
  }
  const outline = readPolygons(query.get("outline") ?? "");
  return outline.length ? { outline } : null;
}

/** Whether it is a longitude and a latitude, whatever the file or the address says. */
export function isDegrees([lon, lat]: [unknown, unknown]): boolean {
  const isWithin = (value: unknown, most: number) =>
    typeof value === "number" && Math.abs(value) <= most;
  return isWithin(lon, 180) && isWithin(lat, 90);
}

export function isBox({ west, south, east, north }: Box): boolean {
  const there = Math.abs(west) <= 180 && Math.abs(east) <= 180 && west !== east;
  return there && south >= -90 && north <= 90 && south < north;
}

/** Rings without their last point, which is the first; null when there are too many points. */
function writePolygons(polygons: Polygons): string | null {
  const points = polygons.flat(2).length;
  if (points > MAX_ADDRESS_POINTS) return null;
  const ring = (points: [number, number][]) => points.slice(0, -1).flat().map(short).join(",");
  return polygons.map((rings) => rings.map(ring).join(";")).join(":");
}

function readPolygons(text: string): Polygons {
  const ring = (part: string): [number, number][] => {
    const flat = numbers(part);
    const points = flat.flatMap((x, i): [number, number][] =>
      i % 2 === 0 && i + 1 < flat.length ? [[x, flat[i + 1]!]] : [],
    );
    const first = points[0];
    return first && points.length > 2 && points.every(isDegrees) ? [...points, first] : [];
  };
  return text
    .split(":")
    .map((polygon) =>
      polygon
        .split(";")
        .map(ring)
        .filter((found) => found.length > 0),
    )
    .filter((rings) => rings.length > 0);
}

function numbers(text: string): number[] {
  const found = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  return found.every(Number.isFinite) ? found : [];
}

function short(value: number): string {
  return String(rounded(value));
}

function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}

/** So many decimals, and never a zero with a sign. */
function fixed(value: number, decimals: number): string {
  return (Number(value.toFixed(decimals)) + 0).toFixed(decimals);
}
