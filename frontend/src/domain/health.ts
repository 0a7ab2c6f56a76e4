/** What `/summary` says. */

import type { Numbers } from "./counts";

export interface Copies {
  tiles: number;
  stale: number;
  incomplete: number;
  missing: number;
  bytes: number;
}

export interface Manifest {
  made: string;
  linked: string;
  verified: { copies: number; oldest: string | null; newest: string | null };
}

interface Amount {
  tiles: number;
  bytes: number;
  unsized: number;
  fully_replicated: number;
  nowhere: number;
}

export interface Year extends Amount {
  year: number;
  collection: string;
  revision: number;
  stores: Record<string, Copies & { manifest: Manifest | null }>;
}

export interface Dataset {
  dataset: string;
  total: Amount & { stores: Record<string, Copies> };
  years: Year[];
}

export interface Store {
  name: string;
  title: string;
  url: string;
}

export interface Summary {
  revision: number;
  stores: Store[];
  datasets: Dataset[];
}

/** Copies a store lacks or has unsound. */
export function gaps({ missing, stale, incomplete }: Copies): number {
  return missing + stale + incomplete;
}

export function numbersOfYear(year: Amount & { stores: Record<string, Copies> }): Numbers {
  return {
    tiles: year.tiles,
    bytes: year.bytes,
    replicated: year.fully_replicated,
    gaps: Object.values(year.stores).reduce((sum, copies) => sum + gaps(copies), 0),
  };
}

/** The dataset and year that a view asks for, else the largest there are. */
export function choose(
  summary: Summary,
  dataset: string | null,
  year: number | null,
): { dataset: Dataset; year: Year } | null {
  const largest = <T>(all: T[], size: (one: T) => number) =>
    all.reduce<T | undefined>(
      (best, one) => (best && size(best) >= size(one) ? best : one),
      undefined,
    );
  const chosen =
    summary.datasets.find((one) => one.dataset === dataset) ??
    largest(summary.datasets, (one) => one.total.tiles);
  const found =
    chosen?.years.find((one) => one.year === year) ??
    largest(chosen?.years ?? [], (one) => one.tiles);
  return chosen && found ? { dataset: chosen, year: found } : null;
}
