import type { Numbers as Known } from "../domain/counts";
import { brief, bytes, count, percent } from "../domain/format";
import { numbersOfYear } from "../domain/health";
import { bounds, chosen, numbersInView, show } from "../state";

/** What there is in the year, in the world and on the screen. */
export function Numbers() {
  const found = chosen.value;
  if (!found) return <Empty />;
  const world = numbersOfYear(found.year);
  const seen = numbersInView.value;
  const isWorld = bounds.value === null || seen === null || seen.tiles === world.tiles;
  return (
    <section aria-label="Numbers" class="numbers">
      <dl>
        <div class="first">
          <dt>tiles in {found.year.year}</dt>
          <dd title={count(world.tiles)}>{count(world.tiles)}</dd>
        </div>
        <div>
          <dt>Size</dt>
          <dd>{bytes(world.bytes)}</dd>
        </div>
        <div>
          <dt>Fully replicated</dt>
          <dd title={count(world.replicated)}>{percent(world.replicated, world.tiles)}</dd>
        </div>
        <div>
          <dt>Gaps</dt>
          <dd title={count(world.gaps)}>{brief(world.gaps)}</dd>
        </div>
      </dl>
      <p class="seen" data-tiles={seen?.tiles}>
        {isWorld ? "Zoom in for the numbers of a part of the world." : <InView numbers={seen} />}
      </p>
    </section>
  );
}

function InView({ numbers: { tiles, bytes: size, replicated, gaps } }: { numbers: Known }) {
  return (
    <>
      In view: <b>{count(tiles)}</b> tiles, about <b>{bytes(size)}</b>,{" "}
      <b>{percent(replicated, tiles)}</b> fully replicated, <b>{count(gaps)}</b> gaps.{" "}
      {tiles > 0 && (
        <button type="button" class="link" onClick={listView}>
          List them
        </button>
      )}
    </>
  );
}

/** The part of the world on the screen, as if it had been drawn. */
function listView(): void {
  if (!bounds.value) return;
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  const { west, south, east, north } = bounds.value;
  const box = { west: round(west), south: round(south), east: round(east), north: round(north) };
  show({ area: { box }, tile: null });
}

function Empty() {
  return (
    <section class="numbers">
      <p class="seen">No tiles are known yet.</p>
    </section>
  );
}
