import { bytes, count, day, percent } from "../domain/format";
import { chosen, show, stores, view } from "../state";

/** The stores with what they hold; a click shows one alone. */
export function Stores() {
  const year = chosen.value?.year;
  if (!year) return null;
  return (
    <section aria-labelledby="stores">
      <h2 id="stores">
        Stores <small>{year.year}</small>
      </h2>
      <ul class="stores">
        {stores.value.map(({ name, title }) => {
          const copies = year.stores[name];
          if (!copies) return null;
          const isChosen = view.value.store === name;
          const made = copies.manifest?.made;
          return (
            <li key={name}>
              <button
                type="button"
                aria-pressed={isChosen}
                onClick={() => show({ store: isChosen ? null : name })}
              >
                <strong>{title}</strong>
                <span class="share">{percent(copies.tiles, year.tiles)}</span>
                <meter
                  min={0}
                  max={Math.max(year.tiles, 1)}
                  value={copies.tiles}
                  aria-hidden="true"
                />
                <span class="what">
                  {count(copies.tiles)} tiles · {bytes(copies.bytes)}
                </span>
                <span class="when">{made ? `as of ${day(made)}` : "no manifest yet"}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {view.value.store !== null && (
        <button type="button" class="link" onClick={() => show({ store: null })}>
          Show all stores
        </button>
      )}
    </section>
  );
}
