/** STAC items: one tile in full, and all tiles of an area. */

import { type Item, type Link, tileOf } from "../domain/item";
import type { Tile } from "../domain/lists";
import { getJson, postJson } from "./api";

interface Page<T = Item> {
  features: T[];
  links: Link[];
  numberMatched?: number;
}

/** Items of a page: large enough for few requests, small enough to show progress. */
const PAGE = 2000;

const NEEDED = [
  "id",
  "collection",
  "assets",
  "properties.tessera:stores",
  "properties.tessera:missing_stores",
];

export function item(collection: string, id: string, signal: AbortSignal): Promise<Item> {
  const path = `collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;
  return getJson<Item>(path, { signal });
}

/** Those of the ids that exist. */
export async function existing(
  collections: string[],
  ids: string[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const body = { collections, ids, limit: ids.length, fields: { include: ["id", "collection"] } };
  const page = await postJson<Page>("search", body, signal);
  return new Set(page.features.map((found) => found.id));
}

export interface Progress {
  /** Tiles that match. */
  matched: number;
  tiles: Tile[];
  isWhole: boolean;
}

/** All items of a search, page by page. Only the `needed` members of each; none named: in full. */
export async function* pages<T>(
  parameters: Record<string, unknown>,
  signal: AbortSignal,
  needed: string[] = [],
): AsyncGenerator<Page<T>> {
  const fields = needed.length > 0 && { fields: { include: needed } };
  let body: unknown = { ...parameters, limit: PAGE, ...fields };
  while (body) {
    const page = await postJson<Page<T>>("search", body, signal);
    yield page;
    body = page.links.find((link) => link.rel === "next")?.body;
  }
}

/**
 * All tiles of a search, page by page, told as they come. Stops after the first page when more
 * than `most` match.
 */
export async function* search(
  parameters: Record<string, unknown>,
  most: number,
  signal: AbortSignal,
): AsyncGenerator<Progress> {
  const tiles: Tile[] = [];
  for await (const page of pages<Item>(parameters, signal, NEEDED)) {
    tiles.push(...page.features.map(tileOf));
    const matched = page.numberMatched ?? tiles.length;
    yield { matched, tiles, isWhole: !page.links.some((link) => link.rel === "next") };
    if (matched > most) return;
  }
}
