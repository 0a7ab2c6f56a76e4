/** The summary, asked for again and again: who changes the catalogue is seen here soon after. */

import { ApiError, getJson } from "./catalogue/api";
import type { Summary } from "./domain/health";
import { notice, summary, trouble } from "./state";

/** Milliseconds between looks; what has not changed is answered in a few bytes. */
const USUAL = 15_000;
const IN_TROUBLE = 4_000;

let timer: ReturnType<typeof setTimeout> | undefined;

export function watch(): void {
  void look();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void look();
  });
}

/** Ask now. */
export async function look(): Promise<void> {
  clearTimeout(timer);
  try {
    const found = await getJson<Summary>("summary", { cache: "no-cache" });
    const known = summary.value;
    // Of no consequence to the map, but the ages of the manifests may be new.
    summary.value = found;
    if (known && known.revision !== found.revision)
      notice.value = "The catalogue has changed: updated.";
    trouble.value = null;
  } catch (error) {
    explainTrouble(error);
  }
  if (!document.hidden) timer = setTimeout(look, trouble.value ? IN_TROUBLE : USUAL);
}

/** Say in the page what has failed. */
export function explainTrouble(error: unknown): void {
  console.info(error);
  const isPassing = !(error instanceof ApiError) || error.isPassing;
  trouble.value = {
    message: error instanceof ApiError ? error.message : "Something is wrong with this page.",
    remedy: isPassing
      ? "The map shows what it has and asks again every few seconds."
      : "Reload the page; if that does not help, tell whoever runs this catalogue.",
  };
}
