/**
 * A coverage picture in colour, and smaller ones for looking at it from afar.
 *
 * Pixels are RGBA in one number, red lowest, the colours multiplied by alpha. A level has half the
 * columns and rows of the one before. One tile among cells without any stays plain to see at each:
 * opacity follows the most opaque of four more than their mean, and colour their mean.
 */

import { rgb } from "./colors";
import { COLUMNS, ROWS } from "./grid";
import type { Coverage } from "./legend";
import type { Painting } from "./modes";

export interface Level {
  width: number;
  height: number;
  pixels: Uint32Array;
}

/** Halving 3600 × 1800 three times leaves whole numbers, and a tenth of a world is enough. */
export const LEVELS = 4;

/** How far opacity follows the most opaque of four rather than their mean. */
const KEPT = 0.8;

/** Colour by value of the cells; 0 is transparent. */
export function palette({ categories, of }: Painting): Uint32Array {
  const colors = categories.map(({ color, weight }) => pack(rgb(color), weight));
  return Uint32Array.from([0, ...of.map((index) => (index < 0 ? 0 : colors[index]!))]);
}

/** Leaves out the cells whose value in another picture is not of an entry that is held. */
export interface Filter {
  holders: Coverage["cells"];
  held: boolean[];
}

/** A picture at every size. The whole one is made when it is looked at from near. */
export interface Pyramid {
  whole: () => Level;
  /** Levels from 1 on. */
  smaller: Level[];
}

export function pyramid(
  all: Coverage["cells"],
  colors: Uint32Array,
  filter: Filter | null = null,
): Pyramid {
  const cells = filter ? filtered(all, filter) : all;
  const smaller = [halved({ width: COLUMNS, height: ROWS, pixels: cells }, colors)];
  while (smaller.length < LEVELS - 1) smaller.push(halved(smaller[smaller.length - 1]!));
  return { whole: () => colored(cells, colors), smaller };
}

function filtered(cells: Coverage["cells"], { holders, held }: Filter): Coverage["cells"] {
  const found = cells.slice();
  for (let i = 0; i < found.length; i++) {
    if (!held[holders[i]! - 1]) found[i] = 0;
  }
  return found;
}

function colored(cells: Coverage["cells"], colors: Uint32Array): Level {
  const pixels = new Uint32Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]!;
    if (cell) pixels[i] = colors[cell]!;
  }
  return { width: COLUMNS, height: ROWS, pixels };
}

/** One level from the one before: its pixels are colours, or values that `colors` has those of. */
export function halved(
  {
    width,
    height,
    pixels,
  }: Omit<Level, "pixels"> & { pixels: Level["pixels"] | Uint8Array | Uint16Array },
  colors: Uint32Array | null = null,
): Level {
  const color = (pixel: number) => (colors ? colors[pixel]! : pixel);
  const small = { width: width >> 1, height: height >> 1 };
  const out = new Uint32Array(small.width * small.height);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const at = 2 * y * width + 2 * x;
      const a = pixels[at]!;
      const b = pixels[at + 1]!;
      const c = pixels[at + width]!;
      const d = pixels[at + width + 1]!;
      if (!(a | b | c | d)) continue;
      const isOne = a === b && a === c && a === d;
      out[y * small.width + x] = isOne ? color(a) : mix(color(a), color(b), color(c), color(d));
    }
  }
  return { ...small, pixels: out };
}

function mix(a: number, b: number, c: number, d: number): number {
  if (!(a | b | c | d)) return 0;
  const sum = (shift: number) =>
    ((a >>> shift) & 255) + ((b >>> shift) & 255) + ((c >>> shift) & 255) + ((d >>> shift) & 255);
  const alphas = sum(24);
  const most = Math.max(a >>> 24, b >>> 24, c >>> 24, d >>> 24);
  const alpha = KEPT * most + (1 - KEPT) * (alphas / 4);
  const scale = alpha / alphas;
  return word(sum(0) * scale, sum(8) * scale, sum(16) * scale, alpha);
}

function pack([red, green, blue]: [number, number, number], alpha: number): number {
  return word(red * alpha, green * alpha, blue * alpha, alpha * 255);
}

function word(red: number, green: number, blue: number, alpha: number): number {
  const byte = (value: number) => Math.min(Math.round(value), 255);
  return ((byte(alpha) << 24) | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
}
