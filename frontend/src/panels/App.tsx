import { useSignal } from "@preact/signals";
import type { Map as MapLibre } from "maplibre-gl";
import { chosen, isOnPicture, summary, theme, view } from "../state";
import { config } from "../config";
import { AreaPanel } from "./Area";
import { Controls } from "./Controls";
import { Drop } from "./Drop";
import { Find } from "./Find";
import { Gaps } from "./Gaps";
import { Icon, Logo } from "./icons";
import { Legend } from "./Legend";
import { Modes } from "./Modes";
import { Notices } from "./Notices";
import { Numbers } from "./Numbers";
import { Stores } from "./Stores";
import { TilePanel } from "./Tile";
import { Timeline } from "./Timeline";
import { Tooltip } from "./Tooltip";

export function App({ map }: { map: MapLibre }) {
  // On a phone the panel is a sheet that is pulled up; elsewhere it is always open.
  const isOpen = useSignal(false);
  const isBeside = view.value.tile !== null || view.value.area !== null;
  return (
    <>
      <main class={isOpen.value ? "panel open" : "panel"} aria-label="What the map shows">
        <header>
          <Logo />
          <div>
            <h1>GeoTessera</h1>
            <p>Coverage and replication</p>
          </div>
          <ThemeButton />
          <button
            type="button"
            class="icon sheet"
            aria-expanded={isOpen.value}
            aria-label={isOpen.value ? "Show less" : "Show more"}
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            <Icon name={isOpen.value ? "down" : "up"} />
          </button>
        </header>
        <div class="scroll">
          <Find map={map} />
          <Datasets />
          <Numbers />
          <section aria-labelledby="shown">
            <h2 id="shown">Show</h2>
            <Modes />
            <Legend />
          </section>
          <Stores />
          <Gaps />
          <footer>
            <a href="api/api.html">API</a>
            <a href="api/">STAC</a>
            <a href="https://geotessera.org">geotessera.org</a>
          </footer>
        </div>
      </main>
      {isBeside && (
        <aside class="beside" aria-label="Details">
          {view.value.tile !== null ? (
            <TilePanel id={view.value.tile} map={map} />
          ) : (
            <AreaPanel map={map} />
          )}
        </aside>
      )}
      <Controls map={map} />
      <Credits />
      <Timeline />
      <Tooltip />
      <Notices />
      <Drop map={map} />
    </>
  );
}

function Credits() {
  const { attribution } = config.value.basemap;
  return (
    <p class="credits">
      {isOnPicture.value && (
        // Of the server's own configuration, which may have links in it.
        <span dangerouslySetInnerHTML={{ __html: `${attribution} · ` }} />
      )}
      <a href="https://www.naturalearthdata.com">Natural Earth</a> ·{" "}
      <a href="https://maplibre.org">MapLibre</a>
    </p>
  );
}

function ThemeButton() {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      class="icon"
      aria-label={`Use ${other} colours`}
      title={`Use ${other} colours`}
      onClick={() => {
        theme.value = other;
      }}
    >
      <Icon name={theme.value === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function Datasets() {
  const names = summary.value?.datasets.map(({ dataset }) => dataset) ?? [];
  if (names.length < 2) return null;
  return (
    <label class="field">
      Dataset
      <select
        value={chosen.value?.dataset.dataset ?? ""}
        onChange={({ currentTarget }) => {
          view.value = { ...view.value, dataset: currentTarget.value, tile: null };
        }}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
