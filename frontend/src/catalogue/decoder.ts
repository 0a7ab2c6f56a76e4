/** A worker that reads coverage pictures, so that nothing else has to wait for that. */

import { decode } from "fast-png";
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

/** Not by a canvas: that takes ten times as long, and some browsers change what is read from it. */
async function read(file: ArrayBuffer): Promise<Coverage> {
  const legend = JSON.parse(await pngText(file, "legend")) as Legend;
  return { legend, cells: indexPixels(decode(file), legend) };
}
