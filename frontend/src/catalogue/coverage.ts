/** Coverage pictures: fetched once for each revision of a year, and kept. */

import type { Coverage, Show } from "../domain/legend";
import { request } from "./api";
import type { Answer, Task } from "./decoder";

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

const decoder = new Worker(new URL("./decoder.ts", import.meta.url), { type: "module" });

async function load(collection: string, show: Show): Promise<Coverage> {
  const response = await request(`coverage/${encodeURIComponent(collection)}.png?show=${show}`);
  const file = await response.arrayBuffer();
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<Answer>) => {
      port1.close();
      if ("coverage" in data) resolve(data.coverage);
      else reject(new Error(data.error));
    };
    const task: Task = { file, answer: port2 };
    decoder.postMessage(task, [file, port2]);
  });
}
