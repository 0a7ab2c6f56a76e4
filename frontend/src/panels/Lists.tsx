import { signal } from "@preact/signals";
import { MANY } from "../area";
import { API } from "../catalogue/api";
import { count } from "../domain/format";
import { geoJson, python, s5cmd, type Tile, urls } from "../domain/lists";
import type { Area } from "../domain/view";
import { save } from "../save";
import { chosen, stores, view } from "../state";
import { CopyButton } from "./CopyButton";
import { Icon } from "./icons";
import { ItemFile } from "./ItemFile";

/** Lines of a list that are shown. */
const SHOWN = 6;

interface List {
  title: string;
  /** How the file's name ends. */
  ending: string;
  type: string;
  lines: (tiles: Tile[], collection: string, area: Area) => string[];
  isWhole?: true;
}

const LISTS: Record<string, List> = {
  urls: {
    title: "Addresses (URLs)",
    ending: "txt",
    type: "text/plain",
    lines: (tiles) => urls(tiles, preferred.value || null),
  },
  s5cmd: { title: "s5cmd commands", ending: "s5cmd.txt", type: "text/plain", lines: s5cmd },
  geojson: {
    title: "GeoJSON",
    ending: "geojson",
    type: "application/geo+json",
    lines: (tiles) => [JSON.stringify(geoJson(tiles))],
  },
  python: {
    title: "Python (pystac-client)",
    ending: "py",
    type: "text/x-python",
    lines: (_, collection, area) => python(API, collection, area).trimEnd().split("\n"),
    isWhole: true,
  },
};

/** The one that is no text. */
const ITEMS = "items";

const chosenList = signal("urls");
const preferred = signal("");

/** The tiles of an area as something to take away. */
export function Lists({ tiles }: { tiles: Tile[] }) {
  const { area } = view.value;
  const collection = chosen.value?.year.collection;
  if (!area || !collection) return null;
  const list = LISTS[chosenList.value];
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
          {Object.entries(LISTS).map(([name, { title }]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
          <option value={ITEMS}>STAC items (GeoParquet)</option>
        </select>
      </label>
      {list ? (
        <Text list={list} tiles={tiles} collection={collection} area={area} />
      ) : tiles.length > MANY ? (
        <p>
          A file of items has {count(MANY)} at most. Choose a smaller area; the Python program goes
          through any number of them.
        </p>
      ) : (
        <ItemFile collection={collection} area={area} tiles={tiles.length} />
      )}
    </section>
  );
}

function Text({
  list,
  tiles,
  collection,
  area,
}: {
  list: List;
  tiles: Tile[];
  collection: string;
  area: Area;
}) {
  const lines = list.lines(tiles, collection, area);
  const text = () => `${lines.join("\n")}\n`;
  const shown = list.isWhole ? lines : lines.slice(0, SHOWN);
  return (
    <>
      {list === LISTS.urls && <Preferred />}
      {lines.length ? (
        <pre tabIndex={0}>
          {shown.map((line) => `${line.slice(0, 400)}\n`)}
          {lines.length > shown.length && "…"}
        </pre>
      ) : (
        <p>None of these tiles is in a bucket that s5cmd could read.</p>
      )}
      <div class="buttons">
        <CopyButton text={text} label="Copy the list" name="Copy" />
        <button
          type="button"
          class="small"
          onClick={() => save(`${collection}.${list.ending}`, text(), list.type)}
        >
          <Icon name="save" /> Save
        </button>
      </div>
    </>
  );
}

function Preferred() {
  return (
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
  );
}
