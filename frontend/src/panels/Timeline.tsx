import { useSignal, useSignalEffect } from "@preact/signals";
import { brief, count, percent } from "../domain/format";
import type { Year } from "../domain/health";
import { chosen, show, shown } from "../state";
import { Icon } from "./icons";

/** Milliseconds a year is shown while they play. */
const BEAT = 1100;

export function Timeline() {
  const found = chosen.value;
  const isPlaying = useSignal(false);
  useSignalEffect(() => {
    const years = chosen.value?.dataset.years ?? [];
    const now = chosen.value?.year;
    // The next year comes when this one has been seen.
    if (!isPlaying.value || !shown.value) return;
    const next = years[(years.findIndex(({ year }) => year === now?.year) + 1) % years.length];
    const timer = setTimeout(() => show({ year: next?.year ?? null, tile: null }), BEAT);
    return () => clearTimeout(timer);
  });
  if (!found) return null;
  const { years } = found.dataset;
  const index = years.indexOf(found.year);
  const most = Math.max(1, ...years.map(({ tiles }) => tiles));
  const select = (position: number) => show({ year: years[position]?.year ?? null });
  return (
    <section class="timeline" aria-label="Years">
      <button
        type="button"
        class="icon"
        disabled={years.length < 2}
        aria-label={isPlaying.value ? "Stop playing the years" : "Play the years"}
        onClick={() => {
          isPlaying.value = !isPlaying.value;
        }}
      >
        <Icon name={isPlaying.value ? "pause" : "play"} />
      </button>
      <div class="years">
        <div class="bars" aria-hidden="true">
          {years.map((year, position) => (
            <Bar key={year.year} year={year} most={most} isChosen={position === index} />
          ))}
        </div>
        <input
          type="range"
          aria-label="Year"
          min={0}
          max={years.length - 1}
          step={1}
          value={index}
          aria-valuetext={describe(found.year)}
          onInput={({ currentTarget }) => {
            isPlaying.value = false;
            select(currentTarget.valueAsNumber);
          }}
        />
      </div>
    </section>
  );
}

function Bar({ year, most, isChosen }: { year: Year; most: number; isChosen: boolean }) {
  const height = Math.max((24 * year.tiles) / most, 1.5);
  const full = year.tiles ? (height * year.fully_replicated) / year.tiles : 0;
  return (
    <div class={isChosen ? "bar chosen" : "bar"} title={describe(year)}>
      <span class="tiles">{brief(year.tiles)}</span>
      <svg aria-hidden="true" viewBox="0 0 10 24" preserveAspectRatio="none">
        <rect class="gappy" y={24 - height} width="10" height={height - full} />
        <rect class="full" y={24 - full} width="10" height={full} />
      </svg>
      <span class="year">{year.year}</span>
    </div>
  );
}

function describe({ year, tiles, fully_replicated }: Year): string {
  return `${year}: ${count(tiles)} tiles, ${percent(fully_replicated, tiles)} fully replicated`;
}
