/** The page's address says what is looked at; back and forward go through the steps. */

import { effect } from "@preact/signals";
import { fromQuery, isStep, toQuery } from "./domain/view";
import { chosen, view } from "./state";

export function followAddress(): void {
  let told = view.peek();
  effect(() => {
    // A link stays with its year when a larger one is loaded later.
    const now = view.value;
    const year = now.year ?? chosen.value?.year.year ?? null;
    const query = toQuery({ ...now, year });
    const address = query ? `?${query}` : location.pathname;
    if (address === (location.search || location.pathname)) {
      told = now;
      return;
    }
    if (isStep({ ...told, year: told.year ?? year }, { ...now, year })) {
      history.pushState(null, "", address);
    } else history.replaceState(null, "", address);
    told = now;
  });
  addEventListener("popstate", () => {
    told = fromQuery(location.search);
    view.value = told;
  });
}
