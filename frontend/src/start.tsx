/** What the page is made of, once it is there. */

import { render } from "preact";
import { createMap } from "./map/map";
import { App } from "./panels/App";
import { Unsupported } from "./panels/Notices";

export function start(container: HTMLElement, app: HTMLElement): void {
  try {
    const map = createMap(container, () => render(<App map={map} />, app));
  } catch (error) {
    console.error(error);
    render(<Unsupported />, app);
  }
}
