/** Kinds of values that a parquet file keeps, and how columns and values of each are written. */

import type { SchemaElement } from "hyparquet-writer";

export type Kind = Leaf | { each: Kind } | { members: Members };

export type Members = Record<string, Kind>;

type Leaf = keyof typeof LEAVES;

/** A value is not of the kind that its column has. */
export class MisfitError extends Error {}

const LEAVES = {
  text: {
    element: { type: "BYTE_ARRAY", converted_type: "UTF8" },
    from: (value: unknown) => (typeof value === "string" ? value : undefined),
  },
  integer: {
    element: { type: "INT64" },
    from: (value: unknown) => (Number.isSafeInteger(value) ? BigInt(value as number) : undefined),
  },
  number: {
    element: { type: "DOUBLE" },
    from: (value: unknown) => (typeof value === "number" ? value : undefined),
  },
  flag: {
    element: { type: "BOOLEAN" },
    from: (value: unknown) => (typeof value === "boolean" ? value : undefined),
  },
  time: {
    element: {
      type: "INT64",
      converted_type: "TIMESTAMP_MICROS",
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
    },
    from: (value: unknown) => (typeof value === "string" ? microseconds(value) : undefined),
  },
  bytes: {
    element: { type: "BYTE_ARRAY" },
    from: (value: unknown) => (value instanceof Uint8Array ? value : undefined),
  },
} as const satisfies Record<
  string,
  { element: Omit<SchemaElement, "name">; from: (value: unknown) => unknown }
>;

/** A column, all parts of which may be null, as parquet wants it told: each part before its own. */
export function column(name: string, kind: Kind): SchemaElement[] {
  const repetition_type = "OPTIONAL";
  if (typeof kind === "string") return [{ name, repetition_type, ...LEAVES[kind].element }];
  if ("each" in kind) {
    return [
      { name, repetition_type, converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...column("element", kind.each),
    ];
  }
  const members = Object.entries(kind.members);
  return [
    { name, repetition_type, num_children: members.length },
    ...members.flatMap(([member, of]) => column(member, of)),
  ];
}

/** A value of JSON as its column keeps it; MisfitError, which names it, when it is of another kind. */
export function fit(kind: Kind, value: unknown, name: string): unknown {
  if (value === null || value === undefined) return null;
  if (typeof kind === "string") {
    const made = LEAVES[kind].from(value);
    if (made !== undefined) return made;
  } else if ("each" in kind) {
    if (Array.isArray(value)) return value.map((each) => fit(kind.each, each, name));
  } else if (typeof value === "object" && !Array.isArray(value)) {
    return fitMembers(kind.members, value as Record<string, unknown>, name);
  }
  throw new MisfitError(`${name} is not what it should be`);
}

function fitMembers(
  members: Members,
  value: Record<string, unknown>,
  name: string,
): Record<string, unknown> {
  const strange = Object.keys(value).find((member) => !(member in members));
  if (strange !== undefined) throw new MisfitError(`${name} has “${strange}”, which is not known`);
  return Object.fromEntries(
    Object.entries(members).map(([member, kind]) => [
      member,
      fit(kind, value[member], `${name}.${member}`),
    ]),
  );
}

/** Since 1970, of a time in RFC 3339; more exact than a Date is. */
function microseconds(time: string): bigint | undefined {
  const whole = Date.parse(time.replace(/\.\d+/, ""));
  if (Number.isNaN(whole)) return undefined;
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  return BigInt(whole) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}
