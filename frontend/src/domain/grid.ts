/**
 * The grid of tiles: 3600 × 1800 cells of 0.1 degrees, numbered from the north-west, row by row.
 * Places are degrees; the keys of tiles are whole hundredths of a degree, so that nothing depends
 * on how a fraction is rounded.
 */

export const COLUMNS = 3600;
export const ROWS = 1800;
export const CELLS = COLUMNS * ROWS;

/** Degrees of longitude and latitude. */
export interface Place {
  lon: number;
  lat: number;
}

/** Degrees; west > east crosses the antimeridian. */
export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

const ID = /^(\d{4})_grid_(-?\d{1,3}\.\d\d)_(-?\d{1,2}\.\d\d)$/;

/** Longitude brought to [-180, 180). */
export function wrap(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

/** The cell a place lies in; edges belong to the cell to the east and south. */
export function cellAt({ lon, lat }: Place): number {
  const column = Math.min(Math.floor((wrap(lon) + 180) * 10 + 1e-9), COLUMNS - 1);
  const row = Math.min(Math.max(Math.floor((90 - lat) * 10 + 1e-9), 0), ROWS - 1);
  return row * COLUMNS + column;
}

/** Centre of a cell. */
export function centre(cell: number): Place {
  return {
    lon: ((cell % COLUMNS) * 10 - 17995) / 100,
    lat: (8995 - Math.floor(cell / COLUMNS) * 10) / 100,
  };
}

/** Outline of a cell. */
export function cellBox(cell: number): Box {
  const { lon, lat } = centre(cell);
  const tenth = (value: number) => Math.round(value * 10) / 10;
  return {
    west: tenth(lon - 0.05),
    south: tenth(lat - 0.05),
    east: tenth(lon + 0.05),
    north: tenth(lat + 0.05),
  };
}

/** Id of the STAC item of a cell's tile. */
export function itemId(year: number, cell: number): string {
  const { lon, lat } = centre(cell);
  return `${year}_grid_${lon.toFixed(2)}_${lat.toFixed(2)}`;
}

/** Year and cell of a STAC item; null when the id is not one of a tile's. */
export function parseId(id: string): { year: number; cell: number } | null {
  const [, year, lon, lat] = ID.exec(id) ?? [];
  if (!year || !lon || !lat) return null;
  const place = { lon: Number(lon), lat: Number(lat) };
  if (Math.abs(place.lon) > 180 || Math.abs(place.lat) > 90) return null;
  const cell = cellAt(place);
  return itemId(Number(year), cell) === id ? { year: Number(year), cell } : null;
}

/** Cells in each row and column that share area with a box. Columns may be two ranges. */
export function cellsOf({ west, south, east, north }: Box): {
  rows: [number, number];
  columns: [number, number][];
} {
  const first = (value: number) => Math.floor(value + 1e-6);
  const last = (value: number) => Math.ceil(value - 1e-6);
  const rows: [number, number] = [
    Math.max(first((90 - north) * 10), 0),
    Math.min(last((90 - south) * 10), ROWS),
  ];
  if (west <= east && east - west >= 360) return { rows, columns: [[0, COLUMNS]] };
  const from = first((wrap(west) + 180) * 10);
  // 180° itself is the eastern end, not the western one.
  const to = east === 180 ? COLUMNS : last((wrap(east) + 180) * 10);
  if (west <= east && from <= to) return { rows, columns: [[from, to]] };
  return {
    rows,
    columns: [
      [from, COLUMNS],
      [0, to],
    ],
  };
}

/** North to south: 0 at 85.05°N, 1 at 85.05°S, as Web Mercator has it. */
export function mercatorY(lat: number): number {
  return 0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI);
}
