import { expect, test } from "vitest";
import {
  CELLS,
  cellAt,
  cellBox,
  cellsOf,
  centre,
  itemId,
  mercatorY,
  parseId,
  wrap,
} from "../src/domain/grid";

test.each([
  [-179.95, 89.95, 0],
  [179.95, 89.95, 3599],
  [-179.95, -89.95, CELLS - 3600],
  [179.95, -89.95, CELLS - 1],
  [-0.05, -0.05, 900 * 3600 + 1799],
  [0.05, 0.05, 899 * 3600 + 1800],
])("the cell of %f, %f", (lon, lat, cell) => {
  expect(cellAt({ lon, lat })).toBe(cell);
  expect(centre(cell)).toEqual({ lon, lat });
});

test("every cell has its own id, and the id leads back to it", () => {
  for (let cell = 0; cell < CELLS; cell += 997) {
    const id = itemId(2024, cell);
    expect(id).not.toContain("-0.00");
    expect(parseId(id)).toEqual({ year: 2024, cell });
    expect(cellAt(centre(cell))).toBe(cell);
  }
});

test("edges belong to the cell to the east and south", () => {
  expect(centre(cellAt({ lon: 0.1, lat: 50 }))).toEqual({ lon: 0.15, lat: 49.95 });
  expect(centre(cellAt({ lon: -0.1, lat: -0.1 }))).toEqual({ lon: -0.05, lat: -0.15 });
  expect(centre(cellAt({ lon: 180, lat: -90 }))).toEqual({ lon: -179.95, lat: -89.95 });
  expect(centre(cellAt({ lon: 540.05, lat: 0.05 }))).toEqual({ lon: -179.95, lat: 0.05 });
});

test("a cell's box has a tenth of a degree", () => {
  expect(cellBox(cellAt({ lon: -3.15, lat: -20.25 }))).toEqual({
    west: -3.2,
    south: -20.3,
    east: -3.1,
    north: -20.2,
  });
});

test.each([
  "2024_grid_0.80_49.95",
  "2024_grid_0.85_49.9",
  "2024_grid_190.05_0.05",
  "grid_0.85_49.95",
  "",
])("%j is no tile's id", (id) => expect(parseId(id)).toBeNull());

test("cells of a box are those that share area with it", () => {
  expect(cellsOf({ west: 0, south: 0, east: 0.1, north: 0.1 })).toEqual({
    rows: [899, 900],
    columns: [[1800, 1801]],
  });
  expect(cellsOf({ west: 0.05, south: -0.01, east: 0.11, north: 0.01 })).toEqual({
    rows: [899, 901],
    columns: [[1800, 1802]],
  });
});

test("a box across the antimeridian has two ranges of columns", () => {
  const columns = [
    [3590, 3600],
    [0, 10],
  ];
  expect(cellsOf({ west: 179, south: 0, east: -179, north: 1 }).columns).toEqual(columns);
  expect(cellsOf({ west: 179, south: 0, east: 180, north: 1 }).columns).toEqual([[3590, 3600]]);
  expect(cellsOf({ west: -180, south: -90, east: 180, north: 90 })).toEqual({
    rows: [0, 1800],
    columns: [[0, 3600]],
  });
});

test("longitudes are wrapped, and Web Mercator ends at 85.05 degrees", () => {
  expect([180, -180, 190, -190, 360].map(wrap)).toEqual([-180, -180, -170, 170, 0]);
  expect(mercatorY(0)).toBeCloseTo(0.5, 12);
  expect(mercatorY(85.0511288)).toBeCloseTo(0, 8);
  expect(mercatorY(-85.0511288)).toBeCloseTo(1, 8);
});
