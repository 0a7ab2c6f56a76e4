/** The items of a search in full, as a file. */

import type { Collection, FullItem, Queryables } from "../domain/item_file";
import { getJson } from "./api";
import { pages } from "./items";

/**
 * A stac-geoparquet file. `stores` are those of the catalogue, most preferred first; `tell` hears
 * how many items are in it so far.
 */
export async function itemFile(
  collection: string,
  parameters: Record<string, unknown>,
  stores: string[],
  tell: (items: number) => void,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  const path = `collections/${encodeURIComponent(collection)}`;
  const [{ ItemFile }, document, { properties }] = await Promise.all([
    import("../domain/item_file"),
    getJson<Collection>(path, { signal }),
    getJson<{ properties: Queryables }>(`${path}/queryables`, { signal }),
  ]);
  const file = new ItemFile(document, properties, stores);
  let items = 0;
  for await (const { features } of pages<FullItem>(parameters, signal)) {
    file.add(features);
    items += features.length;
    tell(items);
  }
  return file.finish();
}
