import "@fontsource-variable/inter/wght.css";
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/theme.css";
import "./styles/layout.css";
import "./styles/panel.css";
import "./styles/parts.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { followArea } from "./area";
import { loadConfig } from "./config";
import { followAddress } from "./history";
import { createMap } from "./map/map";
import { App } from "./panels/App";
import { Unsupported } from "./panels/Notices";
import { followView, theme } from "./state";
import { explainTrouble, watch } from "./watch";

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

const [container, app] = ["map", "app"].map((id) => document.getElementById(id)!) as [
  HTMLElement,
  HTMLElement,
];
watch();
followView(explainTrouble);
followArea();
followAddress();
const config = await loadConfig();
try {
  const map = createMap(container, config);
  render(<App map={map} config={config} />, app);
} catch (error) {
  console.error(error);
  render(<Unsupported />, app);
}
