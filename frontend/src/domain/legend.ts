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

/** What a PNG file holds: so many channels a pixel, or indices into a palette. */
export interface Pixels {
  data: ArrayLike<number>;
  channels: number;
  palette?: number[][];
}

/** The entry of each pixel, told by its red and green. */
export function indexPixels(
  { data, channels, palette }: Pixels,
  legend: Legend,
): Coverage["cells"] {
  const found = new Uint16Array(65536);
  legend.colors.forEach((entry, index) => {
    found[Number.parseInt(entry.color.slice(1), 16) >> 8] = index + 1;
  });
  const count = palette ? data.length : data.length / channels;
  const cells = legend.colors.length < 256 ? new Uint8Array(count) : new Uint16Array(count);
  if (palette) {
    const entries = Uint16Array.from(palette, ([red, green]) => found[(red! << 8) | green!]!);
    for (let i = 0; i < count; i++) cells[i] = entries[data[i]!]!;
  } else {
    for (let i = 0; i < count; i++) {
      cells[i] = found[(data[i * channels]! << 8) | data[i * channels + 1]!]!;
    }
  }
  return cells;
}
