import { describe, expect, test } from "vitest";
import {
  fromQuery,
  isStep,
  MAX_ADDRESS_POINTS,
  START,
  toQuery,
  type View,
} from "../src/domain/view";

const FULL: View = {
  dataset: "v2-2B-L~beta1",
  year: 2021,
  mode: "missing",
  store: "s3",
  camera: { lon: -179.25, lat: -45.5, zoom: 6.25 },
  flat: true,
  satellite: false,
  tile: "2021_grid_-179.95_-0.05",
  area: { box: { west: 179, south: -1.5, east: -179, north: 1.25 } },
};

describe("the view in the address", () => {
  test("the start needs no address", () => {
    expect(toQuery(START)).toBe("");
    expect(fromQuery("")).toEqual(START);
  });

  test("comes back from it", () => {
    expect(fromQuery(`?${toQuery(FULL)}`)).toEqual(FULL);
  });

  test("is readable", () => {
    expect(toQuery({ ...START, year: 2024, camera: { lon: 0.5, lat: 51, zoom: 4 } })).toBe(
      "year=2024&at=0.500,51.000,4.00z",
    );
  });

  test("outlines come back, holes and all", () => {
    const outline: [number, number][][][] = [
      [
        [
          [0, 0],
          [9, 0],
          [9, 9],
          [0, 0],
        ],
        [
          [2, 1],
          [3, 1],
          [3, 2],
          [2, 1],
        ],
      ],
      [
        [
          [-20, -20],
          [-10, -20],
          [-10, -10],
          [-20, -20],
        ],
      ],
    ];
    const view = { ...START, area: { outline } };
    expect(fromQuery(toQuery(view))).toEqual(view);
  });

  test("long outlines are left out", () => {
    const ring = Array.from({ length: MAX_ADDRESS_POINTS + 1 }, (_, i): [number, number] => [
      i / 10,
      i % 2,
    ]);
    expect(toQuery({ ...START, area: { outline: [[ring]] } })).toBe("");
  });

  test.each([
    "mode=other",
    "year=soon",
    "year=1",
    "at=1,2",
    "at=1,95,3z",
    "at=a,b,cz",
    "at=,,",
    "box=1,2,3",
    "box=1,2,3,1",
    "box=1,2,1,4",
    "box=500,2,3,4",
    "outline=1,2;3",
    "outline=",
  ])("%j is as good as nothing", (query) => {
    expect(fromQuery(query)).toEqual(START);
  });

  test("moving the map is no step of its own, all else is", () => {
    expect(isStep(FULL, { ...FULL, camera: null })).toBe(false);
    expect(isStep(FULL, { ...FULL, year: 2022 })).toBe(true);
    expect(isStep(FULL, { ...FULL, tile: null })).toBe(true);
    expect(isStep(FULL, { ...FULL, area: null })).toBe(true);
  });
});
