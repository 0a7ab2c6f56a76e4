/** What whoever runs the server has set: `config.json` beside this page. */

import { signal } from "@preact/signals";

export interface Config {
  basemap: {
    /** Address of its pictures, with :z, :x and :y; empty: the land outline alone. */
    tiles: string;
    attribution: string;
  };
}

/** As it is until the server has told. */
export const config = signal<Config>({ basemap: { tiles: "", attribution: "" } });

export async function loadConfig(): Promise<void> {
  try {
    const response = await fetch(new URL("config.json", document.baseURI));
    if (response.ok) config.value = (await response.json()) as Config;
  } catch {
    // A page without it has the land outline.
  }
}
