/** Tiles of a part of the world, counted cell by cell in a coverage picture. */

import { type Box, COLUMNS, cellsOf } from "./grid";
import type { Coverage, Legend } from "./legend";

export interface Numbers {
  tiles: number;
  /** Of one copy of each tile. */
  bytes: number;
  /** On every store. */
  replicated: number;
  /** Copies that stores lack or have unsound. */
  gaps: number;
}

/** Tiles of a box by value: index 0 counts the cells without any. */
export function countCells(
  { legend, cells }: Coverage,
  box: Box,
): { byValue: Uint32Array; byRow: Uint32Array; firstRow: number } {
  const { rows, columns } = cellsOf(box);
  const byValue = new Uint32Array(legend.colors.length + 1);
  const byRow = new Uint32Array(Math.max(rows[1] - rows[0], 0));
  for (let row = rows[0]; row < rows[1]; row++) {
    let empty = 0;
    let all = 0;
    for (const [from, to] of columns) {
      const end = row * COLUMNS + to;
      for (let i = row * COLUMNS + from; i < end; i++) {
        const value = cells[i]!;
        byValue[value] = byValue[value]! + 1;
        if (value === 0) empty++;
      }
      all += to - from;
    }
    byRow[row - rows[0]] = all - empty;
  }
  return { byValue, byRow, firstRow: rows[0] };
}

/**
 * What a box holds. Tiles and gaps are exact. Bytes are shared out from those of the whole year,
 * `allBytes`, by the area of the tiles: a tile has so many bytes for each of its 10 m pixels.
 */
export function numbersOf(coverage: Coverage, box: Box, allBytes: number): Numbers {
  const { legend } = coverage;
  const counted = isWorld(box) ? null : countCells(coverage, box);
  const numbers = { tiles: 0, bytes: 0, replicated: 0, gaps: 0 };
  legend.colors.forEach((entry, index) => {
    const tiles = counted ? counted.byValue[index + 1]! : entry.tiles;
    const lacking = lackingStores(legend, index);
    numbers.tiles += tiles;
    numbers.gaps += tiles * lacking;
    if (lacking === 0) numbers.replicated += tiles;
  });
  if (!counted || numbers.tiles === legend.tiles) return { ...numbers, bytes: allBytes };
  const share = areaOf(counted.byRow, counted.firstRow) / wholeArea(coverage);
  return { ...numbers, bytes: Math.round(allBytes * share) };
}

const WORLD: Box = { west: -180, south: -90, east: 180, north: 90 };

function isWorld({ west, south, east, north }: Box): boolean {
  return east - west >= 360 && south <= WORLD.south && north >= WORLD.north;
}

const areas = new WeakMap<Coverage, number>();

function wholeArea(coverage: Coverage): number {
  let area = areas.get(coverage);
  if (area === undefined) {
    area = areaOf(countCells(coverage, WORLD).byRow, 0);
    areas.set(coverage, area);
  }
  return area || 1;
}

/** Area of so many tiles in each row, the tiles of the equator being 1. */
function areaOf(byRow: Uint32Array, firstRow: number): number {
  let area = 0;
  byRow.forEach((tiles, index) => {
    area += tiles * Math.cos(((89.95 - (firstRow + index) / 10) * Math.PI) / 180);
  });
  return area;
}

function lackingStores(legend: Legend, index: number): number {
  const stores = legend.colors[index]?.stores ?? {};
  return legend.stores.filter((name) => stores[name] !== "sound").length;
}
