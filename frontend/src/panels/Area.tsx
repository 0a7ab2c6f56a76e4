import { signal } from "@preact/signals";
import type { Map as MapLibre } from "maplibre-gl";
import { fetchAll } from "../area";
import { API } from "../catalogue/api";
import { bytes, count, place, some } from "../domain/format";
import { geoJson, python, s5cmd, type Tile, tally, urls } from "../domain/lists";
import { boundsOf } from "../domain/outline";
import { fitTo } from "../map/camera";
import { chosen, found, show, stores, view } from "../state";
import { BoxForm } from "./BoxForm";
import { CopyButton } from "./CopyButton";
import { Icon } from "./icons";

/** Lines of a list that are shown. */
const SHOWN = 6;

/** The tiles of an area: how many, how large, what is missing where, and lists of them. */
export function AreaPanel({ map }: { map: MapLibre }) {
  const area = view.value.area!;
  const { west, south, east, north } = boundsOf(area);
  return (
    <>
      <header>
        <h2>{"box" in area ? "Box" : "Outline"}</h2>
        <button
          type="button"
          class="icon"
          aria-label="Close the area"
          onClick={() => show({ area: null })}
        >
          <Icon name="close" />
        </button>
      </header>
      <p class="id">
        {place({ lon: west, lat: south })} – {place({ lon: east, lat: north })}{" "}
        <button type="button" class="link" onClick={() => fitTo(map, area)}>
          show
        </button>
      </p>
      <Found />
      {"box" in area && <BoxForm box={area.box} />}
    </>
  );
}

function Found() {
  const search = found.value;
  const year = chosen.value?.year.year;
  if (!search) return <p role="status">Asking the catalogue …</p>;
  if (search.error !== null) {
    return <p role="alert">{search.error} Try a smaller area, or again later.</p>;
  }
  const sum = tally(
    search.tiles,
    stores.value.map(({ name }) => name),
  );
  return (
    <>
      <p class="headline" role="status" data-matched={search.matched}>
        <b>{count(search.matched)}</b> {search.matched === 1 ? "tile" : "tiles"} in {year}
      </p>
      {!search.isWhole && search.isOver && (
        <button type="button" class="wide" onClick={fetchAll}>
          List all {count(search.matched)} of them
        </button>
      )}
      {!search.isOver && (
        <progress max={search.matched} value={search.tiles.length} aria-label="Tiles listed" />
      )}
      {search.isWhole && search.matched > 0 && (
        <>
          <dl class="facts">
            <div>
              <dt>Size</dt>
              <dd>
                {bytes(sum.bytes)}
                {sum.unsized > 0 && ` and ${some(sum.unsized, "tile")} of unknown size`}
              </dd>
            </div>
            {stores.value.map(({ name, title }) => (
              <div key={name}>
                <dt>Not on {title}</dt>
                <dd>{count(sum.lacking.get(name) ?? 0)}</dd>
              </div>
            ))}
          </dl>
          <Lists tiles={search.tiles} />
        </>
      )}
    </>
  );
}

interface List {
  title: string;
  file: string;
  lines: () => string[];
}

const chosenList = signal("urls");
const preferred = signal("");

function Lists({ tiles }: { tiles: Tile[] }) {
  const { area } = view.value;
  const year = chosen.value?.year;
  if (!area || !year) return null;
  const store = preferred.value || null;
  const lists: Record<string, List> = {
    urls: { title: "Addresses (URLs)", file: "txt", lines: () => urls(tiles, store) },
    s5cmd: { title: "s5cmd commands", file: "s5cmd.txt", lines: () => s5cmd(tiles) },
    geojson: { title: "GeoJSON", file: "geojson", lines: () => [JSON.stringify(geoJson(tiles))] },
    python: {
      title: "Python (pystac-client)",
      file: "py",
      lines: () => python(API, year.collection, area).trimEnd().split("\n"),
    },
  };
  const list = lists[chosenList.value] ?? lists.urls!;
  const lines = list.lines();
  const text = () => `${lines.join("\n")}\n`;
  return (
    <section class="lists" aria-label="Lists">
      <label class="field">
        List
        <select
          value={chosenList.value}
          onChange={({ currentTarget }) => {
            chosenList.value = currentTarget.value;
          }}
        >
          {Object.entries(lists).map(([name, { title }]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {chosenList.value === "urls" && (
        <label class="field">
          From
          <select
            value={preferred.value}
            onChange={({ currentTarget }) => {
              preferred.value = currentTarget.value;
            }}
          >
            <option value="">the preferred store</option>
            {stores.value.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}, where it has them
              </option>
            ))}
          </select>
        </label>
      )}
      {lines.length ? (
        <pre tabIndex={0}>
          {lines
            .slice(0, chosenList.value === "python" ? undefined : SHOWN)
            .map((line) => `${line.slice(0, 400)}\n`)}
          {lines.length > SHOWN && chosenList.value !== "python" && "…"}
        </pre>
      ) : (
        <p>None of these tiles is in a bucket that s5cmd could read.</p>
      )}
      <div class="buttons">
        <CopyButton text={text} label="Copy the list" name="Copy" />
        <button
          type="button"
          class="small"
          onClick={() => save(`${year.collection}.${list.file}`, text())}
        >
          <Icon name="save" /> Save
        </button>
      </div>
    </section>
  );
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
