/** The tiles of an area as lists for other programs. */

import type { FeatureCollection } from "geojson";
import { type Box, cellBox, parseId } from "./grid";
import type { Area } from "./view";

/** What is kept of a STAC item. */
export interface Tile {
  id: string;
  /** Of both files; null: unknown. */
  bytes: number | null;
  stores: string[];
  missing: string[];
  /** Addresses of the embeddings and their scales in each store that has them. */
  links: Record<string, string[]>;
}

export interface Tally {
  tiles: number;
  bytes: number;
  /** Tiles whose size is unknown. */
  unsized: number;
  /** For each store the tiles of which it has no sound copy. */
  lacking: Map<string, number>;
}

export function tally(tiles: Tile[], stores: string[]): Tally {
  const held = new Map(stores.map((store) => [store, 0]));
  for (const store of tiles.flatMap((tile) => tile.stores)) {
    held.set(store, (held.get(store) ?? 0) + 1);
  }
  return {
    tiles: tiles.length,
    bytes: tiles.reduce((sum, tile) => sum + (tile.bytes ?? 0), 0),
    unsized: tiles.filter((tile) => tile.bytes === null).length,
    lacking: new Map(stores.map((store) => [store, tiles.length - (held.get(store) ?? 0)])),
  };
}

/** Addresses of all files, from the store asked for where it has them, else from the next best. */
export function urls(tiles: Tile[], store: string | null): string[] {
  return tiles.flatMap((tile) => {
    const from = store !== null && tile.links[store] ? store : tile.stores[0];
    return from === undefined ? [] : (tile.links[from] ?? []);
  });
}

const S3 = /^https:\/\/([^/]+?)\.s3[.-]([a-z0-9-]+)\.amazonaws\.com\/(.*)$/;

/** The bucket's name for a file, where its address is that of one. */
export function s3Uri(url: string): string | null {
  const [, bucket, , key] = S3.exec(url) ?? [];
  return bucket && key ? `s3://${bucket}/${key}` : null;
}

/** Commands for `s5cmd run`, of the files that are in a bucket; each keeps its folders. */
export function s5cmd(tiles: Tile[]): string[] {
  return tiles.flatMap((tile) => {
    const uris = Object.values(tile.links)
      .map((links) => links.flatMap((link) => s3Uri(link) ?? []))
      .find((found) => found.length > 0);
    return (uris ?? []).map((uri) => `cp ${uri} ${uri.split("/").slice(-3).join("/")}`);
  });
}

export function geoJson(tiles: Tile[]): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: tiles.flatMap((tile) => {
      const found = parseId(tile.id);
      if (!found) return [];
      const { west, south, east, north } = cellBox(found.cell);
      const ring = [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ];
      return {
        type: "Feature" as const,
        id: tile.id,
        geometry: { type: "Polygon" as const, coordinates: [ring] },
        properties: {
          year: found.year,
          bytes: tile.bytes,
          stores: tile.stores,
          missing_stores: tile.missing,
          urls: urls([tile], null),
        },
      };
    }),
  };
}

/**
 * A box that finds the tiles which share area with it, and none that it only touches: STAC's
 * searches find neighbours too.
 */
export function inset({ west, south, east, north }: Box): [number, number, number, number] {
  const width = east < west ? east - west + 360 : east - west;
  const [dx, dy] = [Math.min(1e-5, width / 4), Math.min(1e-5, (north - south) / 4)];
  const exact = (value: number) => Number(value.toFixed(7));
  return [exact(west + dx), exact(south + dy), exact(east - dx), exact(north - dy)];
}

/** Parameters of a STAC search for the tiles of an area. */
export function searchOf(collection: string, area: Area): Record<string, unknown> {
  if ("box" in area) return { collections: [collection], bbox: inset(area.box) };
  const [only, ...more] = area.outline;
  const geometry =
    only && more.length === 0
      ? { type: "Polygon", coordinates: only }
      : { type: "MultiPolygon", coordinates: area.outline };
  return { collections: [collection], intersects: geometry };
}

/** A Python program that finds the same. */
export function python(api: string, collection: string, area: Area): string {
  const [name, where] = Object.entries(searchOf(collection, area))[1]!;
  return `from pystac_client import Client

catalogue = Client.open("${api.replace(/\/$/, "")}")
search = catalogue.search(
    collections=["${collection}"],
    ${name}=${JSON.stringify(where).replaceAll(",", ", ").replaceAll(":", ": ")},
)
print(search.matched(), "tiles")
for item in search.items():
    print(item.id, item.assets["embeddings"].href)
`;
}
