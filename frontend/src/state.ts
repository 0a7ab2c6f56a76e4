/** What the page knows and shows. The map and the panels read it and follow its changes. */

import { computed, effect, signal } from "@preact/signals";
import { coverage } from "./catalogue/coverage";
import type { Progress } from "./catalogue/items";
import { type Ground, PALETTES } from "./domain/colors";
import { numbersOf } from "./domain/counts";
import type { Box } from "./domain/grid";
import { choose, type Store, type Summary } from "./domain/health";
import type { Coverage } from "./domain/legend";
import { isFilter, isHeld, paint, shows } from "./domain/modes";
import { fromQuery, type View } from "./domain/view";

export const view = signal<View>(fromQuery(location.search));

export function show(change: Partial<View>): void {
  view.value = { ...view.value, ...change };
}

export type Theme = "dark" | "light";

const prefersLight = matchMedia("(prefers-color-scheme: light)");
export const theme = signal<Theme>(prefersLight.matches ? "light" : "dark");
prefersLight.addEventListener("change", ({ matches }) => {
  theme.value = matches ? "light" : "dark";
});

export const summary = signal<Summary | null>(null);
export const stores = computed<Store[]>(() => summary.value?.stores ?? []);

/** The dataset and the year shown; null before the summary, and of an empty catalogue. */
export const chosen = computed(() => {
  const { dataset, year } = view.value;
  return summary.value && choose(summary.value, dataset, year);
});

/** What keeps the page from showing what it should; null: all is well. */
export interface Trouble {
  message: string;
  /** What is being done about it. */
  remedy: string;
}
export const trouble = signal<Trouble | null>(null);

/** Pictures of the year shown: who holds its tiles, and when they were verified. */
export const holders = signal<Coverage | null>(null);
export const verification = signal<Coverage | null>(null);

/** The holders' picture of the year chosen: null while it is fetched and another is on the screen. */
export const shown = computed(() => {
  const collection = chosen.value?.year.collection;
  return holders.value?.legend.collection === collection ? holders.value : null;
});

/** A sentence for screen readers and sighted people alike, gone after a while. */
export const notice = signal("");

export const tool = signal<"look" | "box">("look");

/** The box that is being drawn. */
export const draft = signal<Box | null>(null);

/** The part of the world on the screen. */
export const bounds = signal<Box | null>(null);

/** The cell under the pointer that has a tile, and what its vector tile says of it. */
export interface Hovered {
  cell: number;
  x: number;
  y: number;
  bytes: number | null;
  verified: string | null;
}
export const hovered = signal<Hovered | null>(null);

/** Satellite pictures cannot be had, or it is not known yet that they can. */
export const isSatelliteDown = signal(true);

/** The tiles of the view's area, as far as they are known. */
export interface Search extends Progress {
  /** Nothing more is fetched: all is there, or it is too much to fetch unasked. */
  isOver: boolean;
  error: string | null;
}
export const found = signal<Search | null>(null);

/** Whether a picture of satellites lies under the tiles. */
export const isOnPicture = computed(() => view.value.satellite && !isSatelliteDown.value);

/** Such a picture is dark in either theme. */
export const ground = computed<Ground>(() => (isOnPicture.value ? "dark" : theme.value));

/** The picture that the mode colours. */
export const picture = computed(() =>
  shows(view.value.mode) === "verified" ? verification.value : holders.value,
);

export const painting = computed(() => {
  const { mode, store } = view.value;
  return picture.value && paint(picture.value.legend, mode, store, PALETTES[ground.value]);
});

/** For each entry of the holders' picture whether its tiles are drawn; null: all are. */
export const held = computed(() => {
  const { mode, store } = view.value;
  if (store === null || !isFilter(mode) || !holders.value) return null;
  return holders.value.legend.colors.map((entry) => isHeld(entry, store));
});

export const numbersInView = computed(() => {
  const year = chosen.value?.year;
  if (!holders.value || !bounds.value || !year) return null;
  return numbersOf(holders.value, bounds.value, year.bytes);
});

/** Fetch the pictures that the view needs, now and whenever it changes. */
export function followView(failed: (error: unknown) => void): void {
  for (const [picture, kind] of [
    [holders, "stores"],
    [verification, "verified"],
  ] as const) {
    let wanted = "";
    effect(() => {
      const year = chosen.value?.year;
      const isShown = kind === "stores" || shows(view.value.mode) === kind;
      const key = year && isShown ? `${year.collection} ${year.revision}` : "";
      if (key === wanted) return;
      wanted = key;
      if (!year || !key) return;
      coverage(year.collection, kind, year.revision)
        .then((made) => {
          if (wanted === key) picture.value = made;
        })
        .catch((error: unknown) => {
          if (wanted === key) wanted = "";
          failed(error);
        });
    });
  }
}
