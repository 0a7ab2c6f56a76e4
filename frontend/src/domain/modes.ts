/** The modes of the map: what each makes of the entries of a coverage picture. */

import { along, type Palette } from "./colors";
import type { Entry, Legend, Show } from "./legend";

export const MODES = ["covered", "copies", "missing", "unsound", "verified"] as const;

export type Mode = (typeof MODES)[number];

export const TITLES: Record<Mode, string> = {
  covered: "Covered",
  copies: "Copies",
  missing: "Missing",
  unsound: "Unsound",
  verified: "Verified",
};

/** The picture that a mode colours. */
export function shows(mode: Mode): Show {
  return mode === "verified" ? "verified" : "stores";
}

/** Tiles drawn alike. */
export interface Category {
  label: string;
  color: string;
  /** How much it counts, 0 to 1, where several tiles share a pixel, and how opaque it is. */
  weight: number;
  tiles: number;
}

/** How a mode draws a picture. */
export interface Painting {
  categories: Category[];
  /** Index of the category of each entry; -1: not drawn. */
  of: number[];
}

const FAINT = 0.4;

type Kind = Omit<Category, "tiles">;

/**
 * Colours for the entries of a legend. With a store, "missing" and "unsound" are about that store;
 * without one, about any. (Where the others draw only what a store holds is up to `isDrawn`.)
 */
export function paint(
  legend: Legend,
  mode: Mode,
  store: string | null,
  palette: Palette,
): Painting {
  const kinds = kindsOf(legend, mode, store, palette);
  const categories: Category[] = kinds.order.map((kind) => ({ ...kind, tiles: 0 }));
  const of = legend.colors.map((entry) => {
    const index = kinds.order.indexOf(kinds.of(entry));
    categories[index]!.tiles += entry.tiles;
    return index;
  });
  const kept = categories.map((category) => category.tiles > 0);
  return {
    categories: categories.filter((_, index) => kept[index]),
    of: of.map((index) => kept.slice(0, index).filter(Boolean).length),
  };
}

/** Whether a store, if one is chosen, holds the tiles of an entry of the stores' picture. */
export function isHeld(entry: Entry, store: string | null): boolean {
  return store === null || entry.stores?.[store] === "sound";
}

/** Whether a mode shows only what the chosen store holds, rather than what ails the store. */
export function isFilter(mode: Mode): boolean {
  return mode === "covered" || mode === "copies" || mode === "verified";
}

interface Kinds {
  order: Kind[];
  of: (entry: Entry) => Kind;
}

function kindsOf(legend: Legend, mode: Mode, store: string | null, colors: Palette): Kinds {
  const kind = (label: string, color: string, weight = 1): Kind => ({ label, color, weight });
  const looked = store === null ? legend.stores : [store];
  const has = (entry: Entry, state: string) =>
    looked.some((name) => entry.stores?.[name] === state);
  switch (mode) {
    case "covered": {
      const covered = kind("In the catalogue", colors.covered);
      return { order: [covered], of: () => covered };
    }
    case "copies": {
      const all = legend.stores.length;
      const order = Array.from({ length: all + 1 }, (_, copies) =>
        kind(copiesLabel(copies, all), copiesColor(copies, all, colors), copies === all ? 0.8 : 1),
      ).reverse();
      const count = (entry: Entry) =>
        legend.stores.filter((name) => entry.stores?.[name] === "sound").length;
      return { order, of: (entry) => order[all - count(entry)]! };
    }
    case "missing": {
      const missing = kind("No copy", colors.missing);
      const unsound = kind("Stale or incomplete", colors.stale);
      const held = kind(store === null ? "On every store" : "Held", colors.rest, FAINT);
      return {
        order: [missing, unsound, held],
        of: (entry) =>
          has(entry, "missing")
            ? missing
            : has(entry, "stale") || has(entry, "incomplete")
              ? unsound
              : held,
      };
    }
    case "unsound": {
      const incomplete = kind("Incomplete", colors.incomplete);
      const stale = kind("Stale", colors.stale);
      const sound = kind("Sound, or no copy", colors.rest, FAINT);
      return {
        order: [stale, incomplete, sound],
        of: (entry) =>
          has(entry, "incomplete") ? incomplete : has(entry, "stale") ? stale : sound,
      };
    }
    case "verified": {
      const never = kind("Never", colors.never, 0.55);
      const months = legend.colors.flatMap((entry) => entry.verified ?? []).sort();
      const byMonth = new Map(
        months.map((month, index) => [
          month,
          kind(month, along(colors.ages, months.length > 1 ? index / (months.length - 1) : 1)),
        ]),
      );
      return {
        order: [...byMonth.values(), never],
        of: (entry) => (entry.verified ? (byMonth.get(entry.verified) ?? never) : never),
      };
    }
  }
}

function copiesLabel(copies: number, all: number): string {
  if (copies === 0) return "No sound copy";
  const noun = copies === 1 ? "1 copy" : `${copies} copies`;
  return copies === all ? `${noun}: on every store` : noun;
}

function copiesColor(copies: number, all: number, colors: Palette): string {
  if (copies === all) return colors.all;
  if (copies === 0) return colors.none;
  return all > 2 ? along([colors.fewest, colors.most], (copies - 1) / (all - 2)) : colors.most;
}
