/** What somebody types into the search field: a place or a tile. */

import { type Place, parseId } from "./grid";

export type Target = { place: Place } | { year: number | null; cell: number };

const PART = /([NSEW])?\s*([-+−]?\d+(?:\.\d+)?)\s*°?\s*([NSEW])?/gi;

/** "0.85, 49.95" is lon, lat; "49.95N 0.85E" says which is which; null when it is neither. */
export function parseTarget(text: string): Target | null {
  const id = text.trim().replace(/_scales\.npy$|\.npy$/, "");
  const tile = parseId(id);
  if (tile) return tile;
  const grid = parseId(`2000_${id}`);
  if (grid) return { year: null, cell: grid.cell };
  const place = parsePlace(text);
  return place && { place };
}

function parsePlace(text: string): Place | null {
  const found = [...text.matchAll(PART)].map(([, before, value, after]) => {
    const letter = (before ?? after ?? "").toUpperCase();
    const number = Number(value!.replace("−", "-"));
    return { letter, value: letter === "S" || letter === "W" ? -number : number };
  });
  const [one, other, ...more] = found;
  if (!one || !other || more.length || /[^\d\s.,;+−°NSEW-]/i.test(text)) return null;
  const isLat = (letter: string) => letter === "N" || letter === "S";
  const isLon = (letter: string) => letter === "E" || letter === "W";
  if (isLat(one.letter) !== isLon(other.letter) || isLon(one.letter) !== isLat(other.letter)) {
    return null;
  }
  const [lon, lat] = isLat(one.letter) ? [other.value, one.value] : [one.value, other.value];
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 90 ? { lon, lat } : null;
}
