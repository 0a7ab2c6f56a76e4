/** What a coverage picture says of its tiles; the API describes it under `/coverage/….json`. */

export type Show = "stores" | "verified";

export type Copy = "sound" | "stale" | "incomplete" | "missing";

/** What tiles of one colour have in common. */
export interface Entry {
  /** #rrggbb; red and green together tell entries apart. */
  color: string;
  tiles: number;
  /** What each store has of these tiles, when the picture shows stores. */
  stores?: Record<string, Copy>;
  /** YYYY-MM, null when never, when the picture shows verification. */
  verified?: string | null;
}

export interface Legend {
  collection: string;
  dataset: string;
  year: number;
  show: Show;
  revision: number;
  tiles: number;
  /** Most preferred first. */
  stores: string[];
  colors: Entry[];
}

/** A year of tiles: for each cell of the grid 0, or 1 + the index of its entry in the legend. */
export interface Coverage {
  legend: Legend;
  cells: Uint8Array | Uint16Array;
}

/** Entries of RGBA pixels, each told by its red and green. */
export function indexPixels(pixels: Uint8ClampedArray, legend: Legend): Coverage["cells"] {
  const found = new Uint16Array(65536);
  legend.colors.forEach((entry, index) => {
    const number = Number.parseInt(entry.color.slice(1), 16);
    found[number >> 8] = index + 1;
  });
  const count = pixels.length / 4;
  const cells = legend.colors.length < 256 ? new Uint8Array(count) : new Uint16Array(count);
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, count);
  for (let i = 0; i < count; i++) {
    const word = words[i]!;
    // Little-endian: red is the lowest byte, alpha the highest, and 0 without a tile.
    if (word >>> 24) cells[i] = found[((word & 0xff) << 8) | ((word >> 8) & 0xff)]!;
  }
  return cells;
}
