import { useSignal } from "@preact/signals";
import type { Box } from "../domain/grid";
import { isBox } from "../domain/view";
import { show } from "../state";

const SIDES = ["west", "south", "east", "north"] as const;

/** A box by its numbers: for who does not draw, and for who wants it exactly. */
export function BoxForm({ box }: { box: Box }) {
  const problem = useSignal("");
  return (
    <details>
      <summary>Edges in degrees</summary>
      <form
        class="box"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const typed = Object.fromEntries(SIDES.map((side) => [side, Number(data.get(side))]));
          const next = typed as unknown as Box;
          problem.value = isBox(next) ? "" : "South must be below north, and all within the world.";
          if (!problem.value) show({ area: { box: next } });
        }}
      >
        {SIDES.map((side) => (
          <label key={side} class="field">
            {side}
            <input
              name={side}
              type="number"
              step="any"
              required
              defaultValue={String(box[side])}
              key={box[side]}
            />
          </label>
        ))}
        <button type="submit" class="small">
          Find
        </button>
        <p role="status">{problem.value}</p>
      </form>
    </details>
  );
}
