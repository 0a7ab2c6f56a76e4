import { expect, test } from "vitest";
import { column, fit, type Kind, MisfitError } from "../src/domain/kinds";

const KIND: Kind = {
  members: { made: "time", sizes: { each: "integer" }, is_new: "flag", name: "text" },
};

test("a column is told with its parts, each before its own", () => {
  expect(column("file", KIND).map(({ name, num_children }) => [name, num_children])).toEqual([
    ["file", 4],
    ["made", undefined],
    ["sizes", 1],
    ["list", 1],
    ["element", undefined],
    ["is_new", undefined],
    ["name", undefined],
  ]);
});

test("values become what their column keeps, and what is absent is null", () => {
  const value = { made: "2026-11-01T12:00:00.000123Z", sizes: [1, null, 2 ** 40], name: "é" };
  expect(fit(KIND, value, "x")).toEqual({
    made: 1793534400000123n,
    sizes: [1n, null, 1099511627776n],
    is_new: null,
    name: "é",
  });
});

test.each([
  ["1969-12-31T23:59:59.5Z", -500_000n],
  ["2024-01-01T00:00:00Z", 1704067200000000n],
  ["2024-01-01T01:00:00.25+01:00", 1704067200250000n],
])("%s is exact to the microsecond", (time, exact) => expect(fit("time", time, "x")).toBe(exact));

test.each([
  [{ name: 1 }, "x.name"],
  [{ sizes: 1 }, "x.sizes"],
  [{ sizes: [1.5] }, "x.sizes"],
  [{ is_new: "yes" }, "x.is_new"],
  [{ made: "yesterday" }, "x.made"],
  [{ colour: "red" }, "x has “colour”"],
  [[], "x is not"],
])("%j does not fit, and is named", (value, named) => {
  expect(() => fit(KIND, value, "x")).toThrow(MisfitError);
  expect(() => fit(KIND, value, "x")).toThrow(named);
});
