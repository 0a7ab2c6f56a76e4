import { brief, count } from "../domain/format";
import { isFilter, type Mode } from "../domain/modes";
import { painting, stores, view } from "../state";

const SENTENCES: Record<Mode, string> = {
  covered: "Every tile of the year",
  copies: "How many stores have a sound copy of a tile",
  missing: "Tiles that a store has no copy of",
  unsound: "Copies that differ from the registry (stale), or lack a file (incomplete)",
  verified: "When a sound copy was last verified, or copied and compared",
};

export function Legend() {
  const { mode, store } = view.value;
  const title = stores.value.find(({ name }) => name === store)?.title ?? store;
  const about =
    store === null ? "" : isFilter(mode) ? ` · only what ${title} holds` : ` · ${title}`;
  return (
    <div class="legend">
      <p>
        {SENTENCES[mode]}
        {about}
      </p>
      {mode === "verified" ? <Ages /> : <Categories />}
    </div>
  );
}

function Categories() {
  return (
    <ul>
      {painting.value?.categories.map(({ label, color, tiles }) => (
        <li key={label}>
          <Swatch color={color} />
          <span>{label}</span>
          <b title={count(tiles)}>{brief(tiles)}</b>
        </li>
      ))}
    </ul>
  );
}

/** Months side by side, as wide as they have tiles. */
function Ages() {
  const all = painting.value?.categories ?? [];
  const months = all.filter(({ label }) => label !== "Never");
  const never = all.find(({ label }) => label === "Never");
  const [first, last] = [months[0], months[months.length - 1]];
  return (
    <>
      {first && last && (
        <>
          <svg class="ages" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            {months.map(({ label, color }, index) => (
              <rect
                key={label}
                x={(100 * index) / months.length}
                width={100 / months.length + 0.3}
                height="4"
                fill={color}
              />
            ))}
          </svg>
          <p class="ends">
            <span>{first.label}</span>
            <span>{last.label}</span>
          </p>
        </>
      )}
      {never && (
        <ul>
          <li>
            <Swatch color={never.color} />
            <span>Never verified</span>
            <b title={count(never.tiles)}>{brief(never.tiles)}</b>
          </li>
        </ul>
      )}
    </>
  );
}

export function Swatch({ color }: { color: string }) {
  return (
    <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="2.5" fill={color} />
    </svg>
  );
}
