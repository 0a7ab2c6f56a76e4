import { computed, signal, useSignalEffect } from "@preact/signals";
import type { Map as MapLibre } from "maplibre-gl";
import { existing, item } from "../catalogue/items";
import { type Item, linksTo } from "../domain/item";
import { bytes, day, place } from "../domain/format";
import { centre, itemId, parseId } from "../domain/grid";
import type { Year } from "../domain/health";
import { flyTo } from "../map/camera";
import { chosen, holders, show, stores, summary, view } from "../state";
import { CopyButton } from "./CopyButton";
import { Icon } from "./icons";

interface Asked {
  id: string;
  cell: number;
  collection: string;
  /** All years of its dataset. */
  years: Year[];
}

/** The tile of the view, of the dataset shown; null: there is none. Its id is in every dataset. */
const asked = computed<Asked | null>(() => {
  const id = view.value.tile ?? "";
  const tile = parseId(id);
  const years = chosen.value?.dataset.years ?? [];
  const collection = years.find(({ year }) => year === tile?.year)?.collection;
  return tile && collection ? { id, cell: tile.cell, collection, years } : null;
});

/** The item that was fetched last. */
const known = signal<Item | null>(null);
const problem = signal("");

/** That item, if it is the one of the view. */
const loaded = computed(() => {
  const { id, collection } = asked.value ?? {};
  return known.value?.id === id && known.value?.collection === collection ? known.value : null;
});

/** What is said instead, as long as it is not. */
const status = computed(() =>
  asked.value || !summary.value ? problem.value || "Looking it up …" : "There is no such tile.",
);

/** Ids of the same tile in other years that have it. */
const others = signal<Set<string>>(new Set());

/** Everything about one tile. */
export function TilePanel({ id, map }: { id: string; map: MapLibre }) {
  useSignalEffect(() => fetchTile());
  const tile = parseId(id);
  return (
    <>
      <header>
        <h2>{tile ? place(centre(tile.cell)) : id}</h2>
        <button
          type="button"
          class="icon"
          aria-label="Close the details"
          onClick={() => show({ tile: null })}
        >
          <Icon name="close" />
        </button>
      </header>
      <p class="id">
        <code>{id}</code> <CopyButton text={() => id} label="Copy the id" />
      </p>
      {tile && <Years cell={tile.cell} year={tile.year} />}
      {loaded.value ? <Details item={loaded.value} /> : <p role="status">{status.value}</p>}
      {tile && (
        <button type="button" class="wide" onClick={() => flyTo(map, centre(tile.cell), 9)}>
          Show it on the map
        </button>
      )}
    </>
  );
}

function Years({ cell, year }: { cell: number; year: number }) {
  const years = chosen.value?.dataset.years.map((each) => each.year) ?? [];
  return (
    <ul class="chips" aria-label="Years with this tile">
      {years.map((each) => {
        const id = itemId(each, cell);
        const isThere = each === year || others.value.has(id);
        return (
          <li key={each}>
            <button
              type="button"
              disabled={!isThere}
              aria-current={each === year}
              onClick={() => show({ year: each, tile: id })}
            >
              {each}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Details({ item }: { item: Item }) {
  const { created, updated, "tessera:verified": verified } = item.properties;
  const self = item.links.find(({ rel }) => rel === "self")?.href;
  const size = Object.values(item.assets).map((asset) => asset["file:size"]);
  const rows: [string, string | undefined][] = [
    [
      "Size",
      size.every((each) => each !== undefined) ? bytes(size.reduce((a, b) => a + b, 0)) : "unknown",
    ],
    ["Created", created && day(created)],
    ["Updated", updated !== created ? updated && day(updated) : undefined],
    ["Verified", verified ? day(verified) : "never"],
  ];
  return (
    <>
      <dl class="facts">
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      <h3>Copies</h3>
      <Copies item={item} />
      <h3>Files</h3>
      <ul class="files">
        {Object.entries(item.assets).map(([name, asset]) => (
          <li key={name}>
            <strong>{asset.title ?? name}</strong>
            {asset["file:size"] !== undefined && <span>{bytes(asset["file:size"])}</span>}
            {asset["file:checksum"] && (
              <p>
                <code title="SHA-256">{asset["file:checksum"].replace(/^1220/, "")}</code>
                <CopyButton
                  text={() => asset["file:checksum"]?.replace(/^1220/, "") ?? ""}
                  label={`Copy the SHA-256 of ${asset.title ?? name}`}
                />
              </p>
            )}
          </li>
        ))}
      </ul>
      {self && (
        <a class="wide" href={self} target="_blank" rel="noopener">
          STAC JSON
        </a>
      )}
    </>
  );
}

function Copies({ item }: { item: Item }) {
  const holding = item.properties["tessera:stores"];
  const files = Object.values(item.assets);
  const cell = parseId(item.id)?.cell;
  const { legend, cells } = holders.value ?? {};
  const states =
    legend?.collection === item.collection && cell !== undefined
      ? legend.colors[(cells?.[cell] ?? 0) - 1]?.stores
      : undefined;
  return (
    <ul class="copies">
      {stores.value.map(({ name, title }) =>
        holding.includes(name) ? (
          <li key={name}>
            <strong>{title}</strong>
            <span>
              {linksTo(files, name, holding[0]).map((href, index) => (
                <a key={href} href={href}>
                  {index === 0 ? "embeddings" : "scales"}
                </a>
              ))}
            </span>
          </li>
        ) : (
          <li key={name} class="missing">
            <s>{title}</s>
            <em>{states?.[name] ?? "missing"}</em>
          </li>
        ),
      )}
    </ul>
  );
}

let wanted = "";
let stop = new AbortController();

/** Fetch the tile of the view, when it is another one or may have changed. */
function fetchTile(): void {
  const tile = asked.value;
  const key = tile ? `${tile.collection} ${tile.id} ${summary.value?.revision}` : "";
  if (key === wanted) return;
  wanted = key;
  stop.abort();
  stop = new AbortController();
  problem.value = "";
  if (!loaded.peek()) others.value = new Set();
  if (tile) lookUp(tile, stop.signal);
}

function lookUp({ id, cell, collection, years }: Asked, ended: AbortSignal): void {
  item(collection, id, ended)
    .then((found) => {
      known.value = found;
    })
    .catch((error: unknown) => {
      if (ended.aborted) return;
      wanted = "";
      problem.value = (error as Error).message;
    });
  existing(
    years.map((each) => each.collection),
    years.map(({ year }) => itemId(year, cell)),
    ended,
  )
    .then((ids) => {
      others.value = ids;
    })
    .catch(() => {
      // The details say what is wrong.
    });
}
