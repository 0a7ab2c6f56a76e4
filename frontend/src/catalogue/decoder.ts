/** A worker that reads coverage pictures: half a second of work that nobody has to wait for. */

import { type Coverage, indexPixels, type Legend } from "../domain/legend";
import { pngText } from "./png_text";

/** What it is sent: a PNG file, and where the answer goes. */
export interface Task {
  file: ArrayBuffer;
  answer: MessagePort;
}

export type Answer = { coverage: Coverage } | { error: string };

self.addEventListener("message", ({ data: { file, answer } }: MessageEvent<Task>) => {
  read(file).then(
    (coverage) => {
      const buffer = coverage.cells.buffer as ArrayBuffer;
      answer.postMessage({ coverage } satisfies Answer, [buffer]);
    },
    (error: unknown) => answer.postMessage({ error: String(error) } satisfies Answer),
  );
});

async function read(file: ArrayBuffer): Promise<Coverage> {
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
