import { bytes, day, place } from "../domain/format";
import { centre, itemId } from "../domain/grid";
import { chosen, holders, hovered, stores } from "../state";

/** What is known at once of the tile under the pointer. */
export function Tooltip() {
  const at = hovered.value;
  const year = chosen.value?.year.year;
  if (!at || !holders.value || year === undefined) return null;
  const { legend, cells } = holders.value;
  const states = legend.colors[(cells[at.cell] ?? 0) - 1]?.stores ?? {};
  const isLeft = at.x > innerWidth - 280;
  const style = { left: `${at.x}px`, top: `${at.y}px` };
  return (
    <div class={isLeft ? "tooltip left" : "tooltip"} style={style} aria-hidden="true">
      <strong>{place(centre(at.cell))}</strong>
      <code>{itemId(year, at.cell)}</code>
      <ul>
        {stores.value.map(({ name, title }) => (
          <li key={name} class={states[name]}>
            <span>{title}</span> {states[name] !== "sound" && <em>{states[name]}</em>}
          </li>
        ))}
      </ul>
      <p>
        {at.bytes !== null && bytes(at.bytes)}
        {at.verified && ` · verified ${day(at.verified)}`}
      </p>
    </div>
  );
}
