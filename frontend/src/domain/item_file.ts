/**
 * STAC items as a stac-geoparquet file, of the same columns as those that tessera-export writes.
 * It brings the writer of parquet files with it: import it when a file is wanted.
 */

import { ByteWriter, geojsonToWkb, ParquetWriter } from "hyparquet-writer";
import type { Polygon } from "geojson";
import { column, fit, type Kind, type Members, MisfitError } from "./kinds";

/** An item in full, as the API has it. */
export interface FullItem {
  id: string;
  geometry: Polygon;
  bbox: number[];
  properties: Record<string, unknown>;
  [member: string]: unknown;
}

/** A collection in full. */
export interface Collection {
  id: string;
  item_assets: Record<string, Record<string, unknown>>;
  [member: string]: unknown;
}

/** JSON schemas of the properties that items of a collection may have, by name. */
export type Queryables = Record<string, { type?: string }>;

/** Of stac-geoparquet. */
const VERSION = "1.0.0";

const CORNERS = ["xmin", "ymin", "xmax", "ymax"];

const GEO = {
  version: "1.1.0",
  primary_column: "geometry",
  columns: {
    geometry: {
      encoding: "WKB",
      geometry_types: ["Polygon"],
      covering: { bbox: Object.fromEntries(CORNERS.map((corner) => [corner, ["bbox", corner]])) },
    },
  },
};

/** What stac-geoparquet has as timestamps. */
const TIMES = ["datetime", "start_datetime", "end_datetime", "created", "updated"];

/** Queryables that are no properties. */
const OUTSIDE = ["id", "geometry", "collection"];

const KINDS: Record<string, Kind> = {
  integer: "integer",
  number: "number",
  boolean: "flag",
  array: { each: "text" },
};

const FILE: Members = { href: "text", "alternate:name": "text" };

const LINK: Members = { rel: "text", type: "text", href: "text" };

/** A file of items that is being written. */
export class ItemFile {
  readonly #columns: Members;
  readonly #bytes = new ByteWriter();
  readonly #file: ParquetWriter;

  /** `stores` are those of the catalogue, most preferred first. */
  constructor(collection: Collection, queryables: Queryables, stores: string[]) {
    this.#columns = columnsOf(collection, queryables, stores);
    const about = { version: VERSION, collections: { [collection.id]: collection } };
    this.#file = new ParquetWriter({
      writer: this.#bytes,
      schema: [
        { name: "schema", num_children: Object.keys(this.#columns).length },
        ...Object.entries(this.#columns).flatMap(([name, kind]) => column(name, kind)),
      ],
      kvMetadata: [
        { key: "geo", value: JSON.stringify(GEO) },
        { key: "stac-geoparquet", value: JSON.stringify(about) },
      ],
    });
  }

  /** Add items, as a row group; MisfitError when one has what no column is for. */
  add(items: FullItem[]): void {
    const rows = items.map((item) => this.#row(item));
    const columnData = Object.keys(this.#columns).map((name) => ({
      name,
      data: rows.map((row) => row[name]),
    }));
    void this.#file.write({ columnData, rowGroupSize: Math.max(items.length, 1) });
  }

  finish(): ArrayBuffer {
    void this.#file.finish();
    return this.#bytes.getBuffer();
  }

  #row({ properties, geometry, bbox, ...outside }: FullItem): Record<string, unknown> {
    const both = Object.keys(properties).find((name) => name in outside);
    if (both !== undefined) throw new MisfitError(`${outside.id} has “${both}” twice`);
    const row = {
      ...outside,
      ...properties,
      geometry: geojsonToWkb(geometry),
      bbox: Object.fromEntries(CORNERS.map((corner, index) => [corner, bbox[index]])),
    };
    return fit({ members: this.#columns }, row, outside.id) as Record<string, unknown>;
  }
}

function columnsOf(collection: Collection, queryables: Queryables, stores: string[]): Members {
  const properties = Object.keys(queryables)
    .filter((name) => !OUTSIDE.includes(name) && !name.startsWith("assets."))
    .sort();
  return {
    type: "text",
    stac_version: "text",
    stac_extensions: { each: "text" },
    id: "text",
    geometry: "bytes",
    bbox: { members: Object.fromEntries(CORNERS.map((corner) => [corner, "number"])) },
    links: { each: { members: LINK } },
    assets: {
      members: Object.fromEntries(
        Object.entries(collection.item_assets).map(([name, shared]) => [
          name,
          assetOf(shared, stores.slice(1)),
        ]),
      ),
    },
    collection: "text",
    ...Object.fromEntries(
      properties.map((name) => [
        name,
        TIMES.includes(name) ? "time" : (KINDS[queryables[name]?.type ?? ""] ?? "text"),
      ]),
    ),
  };
}

/** `others` are the stores that may hold a further copy. */
function assetOf(shared: Record<string, unknown>, others: string[]): Kind {
  const members: Members = { ...FILE, "file:size": "integer", "file:checksum": "text" };
  for (const [name, value] of Object.entries(shared)) members[name] = kindOf(value);
  if (others.length) {
    const copies = others.map((store) => [store, { members: FILE }] as const);
    members.alternate = { members: Object.fromEntries(copies) };
  }
  return { members };
}

function kindOf(value: unknown): Kind {
  if (Array.isArray(value)) return { each: kindOf(value[0]) };
  if (typeof value === "boolean") return "flag";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return "text";
}
