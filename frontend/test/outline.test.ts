import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundsOf, OutlineError, parseOutline } from "../src/domain/outline";
import { fromQuery, toQuery } from "../src/domain/view";

// As for the tests in Python: tests/fuzzing.py.
const { EXAMPLES, SEED } = process.env;
fc.configureGlobal({
  numRuns: 10 * (EXAMPLES ? Number(EXAMPLES) : 50),
  seed: Number(SEED ?? 0) | 0,
});

const anything = fc.jsonValue({ maxDepth: 2 });
const often = <T>(good: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: anything });
const degrees = (most: number) => often(fc.double({ min: -most, max: most, noNaN: true }));
const position = often(fc.tuple(degrees(180), degrees(90)));
const rings = often(
  fc.array(often(fc.array(position, { minLength: 2, maxLength: 6 })), { maxLength: 3 }),
);
const { documents } = fc.letrec((tie) => {
  const list = often(fc.array(tie("documents"), { maxLength: 3 }));
  const one = (type: string, parts: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record({ type: fc.constant(type), ...parts }, { requiredKeys: ["type"] });
  return {
    documents: often(
      fc.oneof(
        { depthSize: "small" },
        one("Polygon", { coordinates: rings }),
        one("MultiPolygon", { coordinates: often(fc.array(rings, { maxLength: 2 })) }),
        one("Feature", { geometry: tie("documents") }),
        one("FeatureCollection", { features: list }),
        one("GeometryCollection", { geometries: list }),
      ),
    ),
  };
});

describe("an outline", () => {
  test("of whatever document is polygons of closed rings, or an error of one line", () => {
    const texts = fc.oneof(
      documents.map((found) => JSON.stringify(found)),
      fc.json(),
      fc.string().filter((text) => !text.trimStart().startsWith("<")),
    );
    const property = fc.property(texts, (text) => {
      let outline;
      try {
        outline = parseOutline(text);
      } catch (error) {
        expect(error).toBeInstanceOf(OutlineError);
        expect((error as OutlineError).message).toMatch(/^.+$/);
        return;
      }
      const { west, south, east, north } = boundsOf({ outline });
      expect(-180 <= west && west <= east && east <= 180).toBe(true);
      expect(-90 <= south && south <= north && north <= 90).toBe(true);
      for (const ring of outline.flat()) expect(ring[0]).toEqual(ring.at(-1));
    });
    fc.assert(property);
  });

  test("of nested collections without end is none", () => {
    const deep = '{"type":"Feature","geometry":'.repeat(50_000) + "null" + "}".repeat(50_000);
    expect(() => parseOutline(deep)).toThrow(OutlineError);
  });
});

test("whatever stands in an address is a view of this world that comes back from its own", () => {
  const number = fc.oneof(
    fc.double({ min: -200, max: 200, noNaN: true }),
    fc.double({ min: -0.001, max: 0.001, noNaN: true }),
    fc.integer({ min: -90, max: 90 }),
    fc.string({ maxLength: 3 }),
  );
  const list = fc.array(number, { minLength: 3, maxLength: 8 }).map((found) => found.join(","));
  const lists = fc.array(fc.tuple(list, fc.constantFrom(";", ":")), { maxLength: 3 });
  const any = fc.string();
  const query = fc.record(
    {
      ...{ dataset: any, year: any, mode: any, store: any, map: any, ground: any, tile: any },
      at: fc.oneof(
        fc.tuple(number, number, number).map((found) => `${found.join(",")}z`),
        any,
      ),
      box: fc.oneof(list, any),
      outline: fc.oneof(
        lists.map((found) => found.flat().join("")),
        list,
        any,
      ),
    },
    { requiredKeys: [] },
  );
  const property = fc.property(query, (given) => {
    const view = fromQuery(new URLSearchParams(given).toString());
    const { west, south, east, north } = view.area ? boundsOf(view.area) : { ...CORNER };
    expect(Math.max(...[west, east].map(Math.abs)) <= 180).toBe(true);
    expect(Math.max(...[south, north].map(Math.abs)) <= 90).toBe(true);
    const address = toQuery(view);
    expect(toQuery(fromQuery(address))).toBe(address);
  });
  fc.assert(property);
});

const CORNER = { west: 0, south: 0, east: 0, north: 0 };
