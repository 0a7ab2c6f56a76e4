import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { tileOf } from "../src/domain/item";
import { pngText } from "../src/catalogue/png_text";
import { parseTarget } from "../src/domain/find";
import { brief, bytes, percent, place, some } from "../src/domain/format";
import { cellAt } from "../src/domain/grid";
import { choose, type Summary } from "../src/domain/health";
import {
  geoJson,
  inset,
  python,
  s3Uri,
  s5cmd,
  searchOf,
  tally,
  type Tile,
  urls,
} from "../src/domain/lists";
import { boundsOf, OutlineError, parseOutline, polygonsOfArea } from "../src/domain/outline";

describe("what is typed", () => {
  const place = { lon: 0.85, lat: 49.95 };
  test.each([
    "0.85, 49.95",
    "0.85 49.95",
    "49.95N 0.85E",
    "49.95°N 0.85°E",
    "N 49.95, E 0.85",
    " +0.85;49.95 ",
  ])("%j is a place", (text) => expect(parseTarget(text)).toEqual({ place }));

  test.each([
    ["-3.15,-20.25", { lon: -3.15, lat: -20.25 }],
    ["20.25S 3.15W", { lon: -3.15, lat: -20.25 }],
    ["180 -90", { lon: 180, lat: -90 }],
  ])("%j lies where it should", (text, place) => expect(parseTarget(text)).toEqual({ place }));

  test("a tile, with its year and without", () => {
    const cell = cellAt(place);
    expect(parseTarget("2024_grid_0.85_49.95")).toEqual({ year: 2024, cell });
    expect(parseTarget("grid_0.85_49.95_scales.npy")).toEqual({ year: null, cell });
  });

  test.each(["", "London", "1", "1,2,3", "200,10", "10,95", "10N 20N", "2024_grid_0.80_49.95"])(
    "%j is neither",
    (text) => expect(parseTarget(text)).toBeNull(),
  );
});

describe("numbers", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [999_600, "1 MB"],
    [3_082_000_000_000, "3.08 TB"],
    [152e9, "152 GB"],
  ])("%d bytes", (value, text) => expect(bytes(value)).toBe(text));

  test.each([
    [9_999, "9,999"],
    [25_800, "25.8k"],
    [999_600, "1M"],
    [3_831_542, "3.83M"],
  ])("%d, briefly", (value, text) => expect(brief(value)).toBe(text));

  test.each([
    [0, 0, "–"],
    [0, 9, "0.0%"],
    [9, 9, "100%"],
    [1, 100_000, "<0.1%"],
    [99_999, 100_000, ">99.9%"],
    [995, 1000, "99.5%"],
    [1, 2, "50%"],
  ])("%d of %d", (part, whole, text) => expect(percent(part, whole)).toBe(text));

  test("nouns and places", () => {
    expect([some(1, "tile"), some(2000, "tile")]).toEqual(["1 tile", "2,000 tiles"]);
    expect(place({ lon: -3.15, lat: 20.25 })).toBe("20.25°N 3.15°W");
  });
});

const S3 = "https://bucket.s3.us-west-2.amazonaws.com/v1/2024/grid_0.05_0.05/grid_0.05_0.05";

function item(stores: string[], size?: number): Parameters<typeof tileOf>[0] {
  const asset = (end: string) => ({
    href: stores[0] === "s3" ? S3 + end : `https://${stores[0] ?? "primary"}/x${end}`,
    ...(size !== undefined && { "file:size": size }),
    alternate: Object.fromEntries(
      stores
        .slice(1)
        .map((name) => [name, { href: name === "s3" ? S3 + end : `https://${name}/x${end}` }]),
    ),
  });
  return {
    id: "2024_grid_0.05_0.05",
    collection: "geotessera-2024",
    properties: {
      "tessera:year": 2024,
      "tessera:stores": stores,
      "tessera:missing_stores": ["a", "s3", "c"].filter((name) => !stores.includes(name)),
    },
    assets: { embeddings: asset(".npy"), embeddings_scales: asset("_scales.npy") },
    links: [],
  };
}

describe("lists", () => {
  const both = tileOf(item(["a", "s3"], 10));
  const one = tileOf(item(["c"]));
  const none: Tile = { ...tileOf(item([])), links: {} };

  test("what is kept of an item", () => {
    expect(both).toEqual({
      id: "2024_grid_0.05_0.05",
      bytes: 20,
      stores: ["a", "s3"],
      missing: ["c"],
      links: {
        a: ["https://a/x.npy", "https://a/x_scales.npy"],
        s3: [`${S3}.npy`, `${S3}_scales.npy`],
      },
    });
    expect(one.bytes).toBeNull();
  });

  test("the tally", () => {
    const lacking = new Map([
      ["a", 2],
      ["s3", 2],
      ["c", 2],
    ]);
    expect(tally([both, one, none], ["a", "s3", "c"])).toEqual({
      tiles: 3,
      bytes: 20,
      unsized: 2,
      lacking,
    });
  });

  test("addresses, from the store asked for where it has them", () => {
    expect(urls([both, one], null)).toEqual([
      "https://a/x.npy",
      "https://a/x_scales.npy",
      "https://c/x.npy",
      "https://c/x_scales.npy",
    ]);
    expect(urls([both, one], "s3").slice(0, 2)).toEqual([`${S3}.npy`, `${S3}_scales.npy`]);
    expect(urls([none], "s3")).toEqual([]);
  });

  test("commands for s5cmd, of what is in a bucket", () => {
    expect(s3Uri("https://dl2.geotessera.org/v1/x.npy")).toBeNull();
    const uri = "s3://bucket/v1/2024/grid_0.05_0.05/grid_0.05_0.05";
    expect(s5cmd([both, one])).toEqual([
      `cp ${uri}.npy 2024/grid_0.05_0.05/grid_0.05_0.05.npy`,
      `cp ${uri}_scales.npy 2024/grid_0.05_0.05/grid_0.05_0.05_scales.npy`,
    ]);
  });

  test("GeoJSON of squares, counterclockwise", () => {
    const [feature] = geoJson([both]).features;
    expect(feature?.geometry).toEqual({
      type: "Polygon",
      coordinates: [
        [
          [0, 0],
          [0.1, 0],
          [0.1, 0.1],
          [0, 0.1],
          [0, 0],
        ],
      ],
    });
    expect(feature?.properties).toMatchObject({ year: 2024, bytes: 20, missing_stores: ["c"] });
  });

  test("boxes are searched for a little smaller, so that neighbours are not found", () => {
    expect(inset({ west: 0, south: 0, east: 0.1, north: 0.1 })).toEqual([
      0.00001, 0.00001, 0.09999, 0.09999,
    ]);
    expect(inset({ west: 1, south: 1, east: 1.00001, north: 2 })[0]).toBeLessThan(1.00001);
    expect(inset({ west: 179, south: 0, east: -179, north: 1 })).toEqual([
      179.00001, 0.00001, -179.00001, 0.99999,
    ]);
  });

  test("the search of an outline, and the program that repeats it", () => {
    const outline: [number, number][][][] = [
      [
        [
          [0, 0],
          [1, 0],
          [1, 1],
          [0, 0],
        ],
      ],
    ];
    const search = searchOf("geotessera-2024", { outline });
    expect(search.intersects).toEqual({ type: "Polygon", coordinates: outline[0] });
    const program = python("http://127.0.0.1:8080/api/", "geotessera-2024", { outline });
    expect(program).toContain('Client.open("http://127.0.0.1:8080/api")');
    expect(program).toContain('intersects={"type": "Polygon", "coordinates": [[[0, 0]');
  });
});

describe("outlines", () => {
  const ring = [
    [0, 0],
    [1, 0],
    [1, 1],
  ];
  const closed = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 0],
  ];

  test("all polygons of a document, closed, without heights", () => {
    const document = {
      type: "FeatureCollection",
      features: [
        {
          type: "Feature",
          geometry: { type: "Polygon", coordinates: [ring.map(([x, y]) => [x, y, 9])] },
        },
        { type: "Feature", geometry: { type: "Point", coordinates: [0, 0] } },
        { type: "Feature", geometry: { type: "MultiPolygon", coordinates: [[closed], [closed]] } },
        { type: "Feature", geometry: null },
      ],
    };
    expect(parseOutline(JSON.stringify(document))).toEqual([[closed], [closed], [closed]]);
  });

  test.each([
    ["not json", "neither GeoJSON nor KML"],
    ['{"type": "Point", "coordinates": [0, 0]}', "no polygon"],
    ['{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "too few points"],
    ['{"type": "Polygon", "coordinates": [[[500000, 0], [1, 1], [2, 2]]]}', "not degrees"],
    ['{"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [2, 2]]]}', "not degrees"],
  ])("%s: %s", (text, reason) => {
    expect(() => parseOutline(text)).toThrow(OutlineError);
    expect(() => parseOutline(text)).toThrow(reason);
  });

  test("bounds, and boxes across the antimeridian as polygons", () => {
    const outline = parseOutline(JSON.stringify({ type: "Polygon", coordinates: [ring] }));
    expect(boundsOf({ outline })).toEqual({ west: 0, south: 0, east: 1, north: 1 });
    const [[box]] = polygonsOfArea({ box: { west: 179, south: 0, east: -179, north: 1 } }) as [
      [[number, number][]],
    ];
    expect(Math.max(...box.map(([lon]) => lon))).toBe(181);
  });
});

describe("texts in pictures", () => {
  const chunk = (type: string, data: Uint8Array) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    return Buffer.concat([size, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const file = (...chunks: Buffer[]) => {
    const all = Buffer.concat([Buffer.alloc(8), ...chunks]);
    return all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength);
  };
  const said = "täglich";

  test.each([
    ["plain", Buffer.concat([Buffer.from("legend\0\0\0en\0\0"), Buffer.from(said)])],
    ["compressed", Buffer.concat([Buffer.from("legend\0\u0001\0\0\0"), deflateSync(said)])],
  ])("%s", async (_, data) => {
    const other = chunk("iTXt", Buffer.from("legendary\0\0\0\0\0no"));
    expect(
      await pngText(file(chunk("IHDR", Buffer.alloc(13)), other, chunk("iTXt", data)), "legend"),
    ).toBe(said);
  });

  test("without one", async () => {
    await expect(pngText(file(chunk("IEND", Buffer.alloc(0))), "legend")).rejects.toThrow("legend");
  });
});

test("the largest dataset and year are shown unless others are asked for", () => {
  const year = (number: number, tiles: number) => ({ year: number, tiles });
  const summary = {
    datasets: [
      { dataset: "v1", total: { tiles: 9 }, years: [year(2023, 2), year(2024, 7)] },
      { dataset: "v2", total: { tiles: 1 }, years: [year(2024, 1)] },
    ],
  } as unknown as Summary;
  const chosen = (...asked: [string | null, number | null]) => {
    const found = choose(summary, ...asked);
    return found && [found.dataset.dataset, found.year.year];
  };
  expect(chosen(null, null)).toEqual(["v1", 2024]);
  expect(chosen("v2", 2023)).toEqual(["v2", 2024]);
  expect(chosen(null, 2023)).toEqual(["v1", 2023]);
  expect(chosen("gone", null)).toEqual(["v1", 2024]);
  expect(choose({ revision: 0, stores: [], datasets: [] }, null, null)).toBeNull();
});
