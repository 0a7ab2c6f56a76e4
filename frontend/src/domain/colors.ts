/** Colours of what the map shows, for a dark ground (also satellite pictures) and a light one. */

export type Ground = "dark" | "light";

export interface Palette {
  covered: string;
  /** From no copy at all to one on every store; those between are mixed. */
  none: string;
  fewest: string;
  most: string;
  all: string;
  missing: string;
  stale: string;
  incomplete: string;
  /** What a mode is not about. */
  rest: string;
  never: string;
  /** From the oldest verification to the newest. */
  ages: string[];
}

/** Told apart with any kind of colour vision: they differ in lightness as well as in hue. */
export const PALETTES: Record<Ground, Palette> = {
  dark: {
    covered: "#35d6b4",
    none: "#e0457b",
    fewest: "#f08a3c",
    most: "#f9d262",
    all: "#27c3a2",
    missing: "#ff7d54",
    stale: "#f9d262",
    incomplete: "#f472b6",
    rest: "#3f6b86",
    never: "#7b8798",
    ages: ["#5b3fa8", "#b0478f", "#ee6f5c", "#fbb04b", "#fdf2a0"],
  },
  light: {
    covered: "#0b9380",
    none: "#a3144f",
    fewest: "#d9570b",
    most: "#eda51a",
    all: "#0d9b86",
    missing: "#e04a14",
    stale: "#e39a08",
    incomplete: "#c02677",
    rest: "#8fb2c6",
    never: "#94a0b0",
    ages: ["#43268f", "#9b2f80", "#dd5246", "#f2972d", "#f4d24f"],
  },
};

export type Rgb = [number, number, number];

export function rgb(color: string): Rgb {
  const number = Number.parseInt(color.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

function hex(parts: Rgb): string {
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** The colour at a share, 0 to 1, of the way along some colours. */
export function along(colors: string[], share: number): string {
  const at = Math.min(Math.max(share, 0), 1) * (colors.length - 1);
  const index = Math.min(Math.floor(at), colors.length - 2);
  if (index < 0) return colors[0]!;
  const one = rgb(colors[index]!);
  const other = rgb(colors[index + 1]!);
  return hex(one.map((part, i) => part + (other[i]! - part) * (at - index)) as Rgb);
}
