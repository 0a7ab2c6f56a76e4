import { expect, test } from "vitest";
import { along, type Palette, PALETTES, rgb } from "../src/domain/colors";
import { countCells, numbersOf } from "../src/domain/counts";
import { CELLS, COLUMNS, cellAt } from "../src/domain/grid";
import { type Coverage, indexPixels, type Legend } from "../src/domain/legend";
import { isHeld, MODES, paint } from "../src/domain/modes";
import { halved, LEVELS, palette, pyramid } from "../src/domain/pyramid";

const LEGEND: Legend = {
  collection: "geotessera-2024",
  dataset: "v1",
  year: 2024,
  show: "stores",
  revision: 7,
  tiles: 10,
  stores: ["a", "b", "c"],
  colors: [
    { color: "#2a9d8f", tiles: 4, stores: { a: "sound", b: "sound", c: "sound" } },
    { color: "#e9b13c", tiles: 3, stores: { a: "sound", b: "missing", c: "sound" } },
    { color: "#d64058", tiles: 2, stores: { a: "sound", b: "stale", c: "missing" } },
    { color: "#80203c", tiles: 1, stores: { a: "missing", b: "incomplete", c: "missing" } },
  ],
};

const DARK = PALETTES.dark;

const labels = (...asked: Parameters<typeof paint>) => {
  const { categories, of } = paint(...asked);
  return of.map((index) => categories[index]?.label);
};

test("red and green tell entries apart, in colours and in a palette", () => {
  const colors = [
    [42, 157, 143],
    [0, 0, 0],
    [128, 32, 60],
    [233, 177, 60],
  ];
  expect([...indexPixels({ data: colors.flat(), channels: 3 }, LEGEND)]).toEqual([1, 0, 4, 2]);
  const palette = colors.toReversed();
  expect([...indexPixels({ data: [3, 2, 1, 0], channels: 1, palette }, LEGEND)]).toEqual([
    1, 0, 4, 2,
  ]);
});

test("more entries than a byte has values", () => {
  const colors = Array.from({ length: 300 }, (_, i) => ({
    color: `#${(i + 1).toString(16).padStart(4, "0")}00`,
    tiles: 1,
  }));
  const data = colors.flatMap(({ color }) => rgb(color));
  const cells = indexPixels({ data, channels: 3 }, { ...LEGEND, colors });
  expect([...cells]).toEqual(colors.map((_, i) => i + 1));
});

test("copies are counted", () => {
  expect(labels(LEGEND, "copies", null, DARK)).toEqual([
    "3 copies: on every store",
    "2 copies",
    "1 copy",
    "No sound copy",
  ]);
  const tiles = paint(LEGEND, "copies", null, DARK).categories.map((category) => category.tiles);
  expect(tiles).toEqual([4, 3, 2, 1]);
});

test("what is missing, of one store and of any", () => {
  expect(labels(LEGEND, "missing", "b", DARK)).toEqual([
    "Held",
    "No copy",
    "Stale or incomplete",
    "Stale or incomplete",
  ]);
  expect(labels(LEGEND, "missing", null, DARK)).toEqual([
    "On every store",
    "No copy",
    "No copy",
    "No copy",
  ]);
});

test("what is unsound", () => {
  const sound = "Sound, or no copy";
  expect(labels(LEGEND, "unsound", null, DARK)).toEqual([sound, sound, "Stale", "Incomplete"]);
  expect(labels(LEGEND, "unsound", "a", DARK)).toEqual([sound, sound, sound, sound]);
});

test("what a store holds", () => {
  expect(LEGEND.colors.map((entry) => isHeld(entry, "b"))).toEqual([true, false, false, false]);
  expect(LEGEND.colors.every((entry) => isHeld(entry, null))).toBe(true);
});

test("months of verification run from the oldest colour to the newest, whatever their order", () => {
  const colors = [
    { color: "#030000", tiles: 1, verified: "2026-03" },
    { color: "#010000", tiles: 1, verified: null },
    { color: "#020000", tiles: 1, verified: "2025-11" },
  ];
  const { categories, of } = paint({ ...LEGEND, show: "verified", colors }, "verified", null, DARK);
  expect(categories.map(({ label }) => label)).toEqual(["2025-11", "2026-03", "Never"]);
  expect(of).toEqual([1, 2, 0]);
  expect(categories[0]?.color).toBe(DARK.ages[0]);
  expect(categories[1]?.color).toBe(DARK.ages[DARK.ages.length - 1]);
});

test.each(Object.entries(PALETTES))(
  "colours on a %s ground can be told apart",
  (_, colors: Palette) => {
    // WCAG's contrast of what stands side by side in a legend, and the distance of hues beside it.
    const far = (one: string, other: string) =>
      Math.hypot(...rgb(one).map((part, i) => part - (rgb(other)[i] ?? 0)));
    const { all, most, fewest, none, missing, stale, incomplete, rest } = colors;
    for (const group of [
      [all, most, fewest, none],
      [missing, stale, rest],
      [stale, incomplete, rest],
    ]) {
      group.forEach((one, i) =>
        group.slice(i + 1).forEach((other) => expect(far(one, other)).toBeGreaterThan(60)),
      );
    }
  },
);

test("colours along a line", () => {
  expect(along(["#000000", "#ffffff"], 0.5)).toBe("#808080");
  expect(along(["#000000", "#ffffff"], 7)).toBe("#ffffff");
  expect(along(["#123456"], 0.5)).toBe("#123456");
});

test("an empty cell has no colour in any mode, and every tile has one", () => {
  for (const mode of MODES.filter((each) => each !== "verified")) {
    const [empty, ...tiles] = palette(paint(LEGEND, mode, null, DARK));
    expect(empty).toBe(0);
    expect(tiles).toHaveLength(4);
    expect(tiles.every((color) => color >>> 24 > 0)).toBe(true);
  }
});

function world(...tiles: [lon: number, lat: number, value: number][]): Coverage {
  const cells = new Uint8Array(CELLS);
  for (const [lon, lat, value] of tiles) cells[cellAt({ lon, lat })] = value;
  return { legend: LEGEND, cells };
}

test("one tile is plain to see on every level, and only where it is", () => {
  const { cells } = world([-179.95, -0.05, 1]);
  const { whole, smaller } = pyramid(cells, palette(paint(LEGEND, "covered", null, DARK)));
  const levels = [whole(), ...smaller];
  expect(levels).toHaveLength(LEVELS);
  for (const [level, { width, height, pixels }] of levels.entries()) {
    expect([width, height]).toEqual([3600 >> level, 1800 >> level]);
    const at = (900 >> level) * width;
    expect(pixels.findIndex((pixel) => pixel !== 0)).toBe(at);
    expect(pixels.findLastIndex((pixel) => pixel !== 0)).toBe(at);
    expect((pixels[at] ?? 0) >>> 24).toBeGreaterThan(255 * 0.5);
  }
});

test("a smaller level mixes colours by how opaque they are", () => {
  const [red, blue] = [0xff0000ff, 0xffff0000];
  const { pixels } = halved({
    width: 2,
    height: 2,
    pixels: Uint32Array.from([red, red, blue, blue]),
  });
  expect(pixels[0]?.toString(16)).toBe("ff800080");
  const alone =
    halved({ width: 2, height: 2, pixels: Uint32Array.from([red, 0, 0, 0]) }).pixels[0] ?? 0;
  expect(alone & 255).toBe(alone >>> 24);
});

test("cells that the chosen store does not hold are left out", () => {
  const { cells } = world([0.05, 0.05, 1], [0.15, 0.05, 2]);
  const colors = palette(paint(LEGEND, "covered", "b", DARK));
  const held = LEGEND.colors.map((entry) => isHeld(entry, "b"));
  const { whole, smaller } = pyramid(cells, colors, { holders: cells, held });
  const { pixels } = whole();
  expect(pixels[cellAt({ lon: 0.05, lat: 0.05 })]).not.toBe(0);
  expect(pixels[cellAt({ lon: 0.15, lat: 0.05 })]).toBe(0);
  expect(smaller[0]).toEqual(halved(whole()));
});

test("numbers of a part of the world", () => {
  const coverage = world(
    [0.05, 0.05, 1],
    [0.05, -0.05, 2],
    [-0.05, 60.05, 3],
    [179.95, 0.05, 4],
    [-179.95, 0.05, 1],
  );
  const colors = LEGEND.colors.map((entry, index) => ({ ...entry, tiles: [2, 1, 1, 1][index]! }));
  coverage.legend = { ...LEGEND, tiles: 5, colors };
  const near = { west: -1, south: -1, east: 1, north: 1 };
  const all = { west: -180, south: -90, east: 180, north: 90 };
  expect(countCells(coverage, near).byValue[0]).toBe(20 * 20 - 2);
  expect(numbersOf(coverage, all, 4500)).toEqual({ tiles: 5, bytes: 4500, replicated: 2, gaps: 6 });
  // A tile at 60 degrees has half the area of one at the equator.
  const equator = numbersOf(coverage, near, 4500);
  expect(equator).toMatchObject({ tiles: 2, replicated: 1, gaps: 1 });
  expect(equator.bytes).toBeGreaterThan(1995);
  expect(equator.bytes).toBeLessThan(2005);
  const edge = { west: 179, south: -1, east: -179, north: 1 };
  expect(numbersOf(coverage, edge, 4500)).toMatchObject({ tiles: 2, replicated: 1, gaps: 3 });
  expect(COLUMNS * 1800).toBe(CELLS);
});
