/** STAC items, as far as this page reads them. */

import type { Tile } from "./lists";

interface Asset {
  href: string;
  title?: string;
  "file:size"?: number;
  "file:checksum"?: string;
  alternate?: Record<string, { href: string }>;
}

export interface Link {
  rel: string;
  href: string;
  body?: unknown;
}

export interface Item {
  id: string;
  collection: string;
  properties: {
    title?: string;
    created?: string;
    updated?: string;
    "tessera:year": number;
    "tessera:verified"?: string;
    "tessera:stores": string[];
    "tessera:missing_stores": string[];
  };
  assets: Record<string, Asset>;
  links: Link[];
}

export function tileOf({ id, properties, assets }: Item): Tile {
  const files = Object.values(assets);
  const sizes = files.map((asset) => asset["file:size"]);
  const stores = properties["tessera:stores"];
  return {
    id,
    // Of a tile that no store has, there is no file that could tell.
    bytes: sizes.reduce<number | null>(
      (sum, size) => (sum === null || size === undefined ? null : sum + size),
      sizes.length ? 0 : null,
    ),
    stores,
    missing: properties["tessera:missing_stores"],
    links: Object.fromEntries(stores.map((store) => [store, linksTo(files, store, stores[0])])),
  };
}

/** Addresses of files in a store: an asset's own is that of the store most preferred. */
export function linksTo(files: Asset[], store: string, first: string | undefined): string[] {
  return files.flatMap((asset) => {
    const href = store === first ? asset.href : asset.alternate?.[store]?.href;
    return href === undefined ? [] : [href];
  });
}
