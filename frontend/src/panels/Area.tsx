import type { Map as MapLibre } from "maplibre-gl";
import { fetchAll } from "../area";
import { bytes, count, place, some } from "../domain/format";
import { tally } from "../domain/lists";
import { boundsOf } from "../domain/outline";
import { fitTo } from "../map/camera";
import { chosen, found, show, stores, view } from "../state";
import { BoxForm } from "./BoxForm";
import { Icon } from "./icons";
import { Lists } from "./Lists";

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
