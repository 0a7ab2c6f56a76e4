import { useSignal } from "@preact/signals";
import type { Map as MapLibre } from "maplibre-gl";
import { parseTarget } from "../domain/find";
import { cellAt, centre, itemId } from "../domain/grid";
import { flyTo } from "../map/camera";
import { chosen, show, shown, view } from "../state";
import { Icon } from "./icons";

const PLACE_ZOOM = 8.5;

export function Find({ map }: { map: MapLibre }) {
  const problem = useSignal("");
  const go = (text: string) => {
    const target = parseTarget(text);
    problem.value = target ? "" : "Write a longitude and a latitude, or the id of a tile.";
    if (!target) return;
    const isTile = "cell" in target;
    const cell = isTile ? target.cell : cellAt(target.place);
    const year = (isTile ? target.year : null) ?? chosen.value?.year.year;
    if (year === undefined) return;
    // Of other years than the one on the screen the catalogue will say whether there is a tile.
    const isThere = year !== shown.value?.legend.year || shown.value.cells[cell] !== 0;
    if (!isThere) problem.value = `There is no tile in ${year}.`;
    show({
      year,
      tile: isThere ? itemId(year, cell) : null,
      ...(view.value.area && { area: null }),
    });
    flyTo(map, isTile ? centre(cell) : target.place, PLACE_ZOOM);
  };
  return (
    <form
      class="find"
      onSubmit={(event) => {
        event.preventDefault();
        go(new FormData(event.currentTarget).get("target") as string);
      }}
    >
      <label class="hidden" for="target">
        Longitude and latitude, or a tile's id
      </label>
      <input
        id="target"
        name="target"
        autocomplete="off"
        spellcheck={false}
        placeholder="Go to lon, lat or a tile’s id"
        aria-describedby="target-problem"
        aria-invalid={problem.value !== ""}
      />
      <button type="submit" class="icon" aria-label="Go there">
        <Icon name="search" />
      </button>
      <p id="target-problem" role="status">
        {problem.value}
      </p>
    </form>
  );
}
