/** Drawings of 24 × 24, of lines alone. */

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  globe: "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  flat: "M3 6l6-2 6 2 6-2v14l-6 2-6-2-6 2zM9 4v14M15 6v14",
  satellite: "M4 20l5-8 4 5 3-4 4 7zM16 7a2 2 0 100-4 2 2 0 000 4z",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M10 10h4v4h-4z",
  file: "M12 16V4M7 9l5-5 5 5M4 20h16",
  search: "M11 4a7 7 0 100 14 7 7 0 000-14zM20 20l-4-4",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19",
  moon: "M20 14A8.5 8.5 0 119.5 4a7 7 0 0010.5 10z",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  save: "M12 4v12M7 11l5 5 5-5M4 20h16",
  check: "M5 12l5 5L20 7",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  warning: "M12 4L2.5 20h19zM12 10v4M12 17v.5",
  home: "M4 11l8-7 8 7M6 10v10h12V10",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="drawing" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  const squares = [
    [0, 0, 1],
    [1, 0, 0.7],
    [1, 1, 1],
    [2, 1, 0.5],
    [1, 2, 0.7],
  ] as const;
  return (
    <svg class="logo" viewBox="0 0 20 20" aria-hidden="true">
      {squares.map(([x, y, opacity]) => (
        <rect
          key={`${x}${y}`}
          x={7 * x}
          y={7 * y}
          width="6"
          height="6"
          rx="1.2"
          opacity={opacity}
        />
      ))}
      <rect class="other" x="14" y="0" width="6" height="6" rx="1.2" />
    </svg>
  );
}
