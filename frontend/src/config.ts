/** What whoever runs the server has set: `config.json` beside this page. */

export interface Config {
  basemap: {
    /** Address of its pictures, with :z, :x and :y; empty: the land outline alone. */
    tiles: string;
    attribution: string;
  };
}

const NONE: Config = { basemap: { tiles: "", attribution: "" } };

export async function loadConfig(): Promise<Config> {
  try {
    const response = await fetch(new URL("config.json", document.baseURI));
    return response.ok ? ((await response.json()) as Config) : NONE;
  } catch {
    return NONE;
  }
}
