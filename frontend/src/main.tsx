import "@fontsource-variable/inter/wght.css";
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/theme.css";
import "./styles/layout.css";
import "./styles/panel.css";
import "./styles/parts.css";
import { effect } from "@preact/signals";
import { followArea } from "./area";
import { loadConfig } from "./config";
import { followAddress } from "./history";
import { followView, theme } from "./state";
import { explainTrouble, watch } from "./watch";

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

// The catalogue is asked while the map's own code, which is much, is still being read.
watch();
followView(explainTrouble);
followArea();
followAddress();
void loadConfig();
const { start } = await import("./start");
start(document.getElementById("map")!, document.getElementById("app")!);
