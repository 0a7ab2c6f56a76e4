/** Coverage pictures: fetched once for each revision of a year, and kept. */

import { type Coverage, indexPixels, type Legend, type Show } from "../domain/legend";
import { request } from "./api";
import { pngText } from "./png_text";

/** Pictures kept, of 6.5 MB each: all years of a dataset. */
const KEPT = 12;

const kept = new Map<string, Promise<Coverage>>();

/** The picture of a collection; fetched when this page has not seen it in this revision. */
export function coverage(collection: string, show: Show, revision: number): Promise<Coverage> {
  const key = `${collection} ${show} ${revision}`;
  const known = kept.get(key);
  const promise = known ?? load(collection, show);
  kept.delete(key);
  kept.set(key, promise);
  if (!known) {
    promise.catch(() => kept.delete(key));
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
  }
  return promise;
}

async function load(collection: string, show: Show): Promise<Coverage> {
  const response = await request(`coverage/${encodeURIComponent(collection)}.png?show=${show}`);
  const file = await response.arrayBuffer();
  const [pixels, text] = await Promise.all([decode(file), pngText(file, "legend")]);
  const legend = JSON.parse(text) as Legend;
  return { legend, cells: indexPixels(pixels, legend) };
}

/** RGBA as it stands in the file: no colours managed, nothing multiplied. */
async function decode(file: ArrayBuffer): Promise<Uint8ClampedArray> {
  const blob = new Blob([file], { type: "image/png" });
  const image = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot read pictures");
  context.drawImage(image, 0, 0);
  image.close();
  return context.getImageData(0, 0, canvas.width, canvas.height).data;
}
