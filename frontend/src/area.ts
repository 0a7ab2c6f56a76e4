/** The tiles of the area somebody asks about, from the STAC API, page by page. */

import { effect, signal } from "@preact/signals";
import { search } from "./catalogue/items";
import { searchOf } from "./domain/lists";
import type { Area } from "./domain/view";
import { chosen, found, view } from "./state";

/** More tiles than this are fetched only when somebody insists: each is about 2 kB. */
export const MANY = 20_000;

/** The area whose tiles are wanted however many they are. */
const insisted = signal<Area | null>(null);

export function fetchAll(): void {
  insisted.value = view.value.area;
}

export function followArea(): void {
  let stop = new AbortController();
  let known = "";
  effect(() => {
    const area = view.value.area;
    const year = chosen.value?.year;
    const most = insisted.value === area ? Number.POSITIVE_INFINITY : MANY;
    const key =
      area && year ? JSON.stringify([area, year.collection, year.revision, String(most)]) : "";
    if (key === known) return;
    known = key;
    stop.abort();
    stop = new AbortController();
    found.value = null;
    if (area && year) void run(searchOf(year.collection, area), most, stop.signal);
  });
}

async function run(
  parameters: Record<string, unknown>,
  most: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const progress of search(parameters, most, signal)) {
      if (signal.aborted) return;
      found.value = {
        ...progress,
        isOver: progress.isWhole || progress.matched > most,
        error: null,
      };
    }
  } catch (error) {
    if (signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    found.value = { matched: 0, tiles: [], isWhole: false, isOver: true, error: message };
  }
}
