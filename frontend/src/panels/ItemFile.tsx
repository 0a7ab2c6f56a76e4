import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { itemFile } from "../catalogue/item_file";
import { searchOf } from "../domain/lists";
import type { Area } from "../domain/view";
import { save } from "../save";
import { notice, stores } from "../state";
import { Icon } from "./icons";

/** The items of an area in full, fetched when somebody wants to save them. */
export function ItemFile({
  collection,
  area,
  tiles,
}: {
  collection: string;
  area: Area;
  tiles: number;
}) {
  /** Items that are there; null: nobody waits for them. */
  const fetched = useSignal<number | null>(null);
  const run = useRef<AbortController>(null);
  useEffect(
    () => () => {
      run.current?.abort();
      fetched.value = null;
    },
    [fetched, collection, area],
  );

  const make = async () => {
    const { signal } = (run.current = new AbortController());
    const names = stores.value.map(({ name }) => name);
    const tell = (items: number) => {
      fetched.value = items;
    };
    tell(0);
    try {
      const file = await itemFile(collection, searchOf(collection, area), names, tell, signal);
      save(`${collection}.parquet`, file, "application/vnd.apache.parquet");
    } catch (error) {
      if (signal.aborted) return;
      console.info(error);
      const reason = error instanceof Error ? error.message : String(error);
      notice.value = `The file could not be made: ${reason}`;
    } finally {
      if (!signal.aborted) fetched.value = null;
    }
  };
  return (
    <>
      <p>
        Everything the catalogue says of these tiles, as stac-geoparquet: for GeoPandas, DuckDB,
        rustac and QGIS.
      </p>
      <div class="buttons">
        {fetched.value === null ? (
          <button type="button" class="small" onClick={make}>
            <Icon name="save" /> Save
          </button>
        ) : (
          <progress max={tiles} value={fetched.value} aria-label="Items fetched" />
        )}
      </div>
    </>
  );
}
