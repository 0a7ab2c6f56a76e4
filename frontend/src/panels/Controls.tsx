import type { Map as MapLibre } from "maplibre-gl";
import { isSatelliteDown, show, tool, view } from "../state";
import { Icon } from "./icons";

/** Buttons on the map. */
export function Controls({ map }: { map: MapLibre }) {
  const { flat, satellite } = view.value;
  const isDrawing = tool.value === "box";
  const button = (
    icon: Parameters<typeof Icon>[0]["name"],
    label: string,
    run: () => void,
    pressed?: boolean,
  ) => (
    <button
      type="button"
      class="icon"
      title={label}
      aria-label={label}
      aria-pressed={pressed}
      onClick={run}
    >
      <Icon name={icon} />
    </button>
  );
  return (
    <nav class="controls" aria-label="Map">
      <div>
        {button("plus", "Zoom in", () => map.zoomIn())}
        {button("minus", "Zoom out", () => map.zoomOut())}
        {button("home", "Show the whole world", () => {
          map.stop();
          show({ camera: null });
        })}
      </div>
      <div>
        {button(flat ? "globe" : "flat", flat ? "Show the globe" : "Show a flat map", () =>
          show({ flat: !flat }),
        )}
        {!isSatelliteDown.value &&
          button(
            "satellite",
            "Satellite picture",
            () => show({ satellite: !satellite }),
            satellite,
          )}
      </div>
      <div>
        {button(
          "box",
          "Draw a box (or hold shift and drag)",
          () => {
            tool.value = isDrawing ? "look" : "box";
          },
          isDrawing,
        )}
        <label class="icon button" title="Open an outline: GeoJSON or KML">
          <Icon name="file" />
          <input
            id="outline"
            class="hidden"
            type="file"
            accept=".geojson,.json,.kml"
            aria-label="Open an outline: GeoJSON or KML"
          />
        </label>
      </div>
    </nav>
  );
}
