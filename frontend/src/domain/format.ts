/** Numbers, times and places as people read them. */

import type { Place } from "./grid";

const COUNT = new Intl.NumberFormat("en-GB");
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

export function count(value: number): string {
  return COUNT.format(value);
}

/** "1 tile", "2 tiles". */
export function some(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** Three digits that count: 3.81M. */
export function brief(value: number): string {
  if (value < 10_000) return count(value);
  const unit = value < 999_500 ? "k" : "M";
  return `${digits(value / (unit === "k" ? 1e3 : 1e6))}${unit}`;
}

/** Powers of a thousand: 152 GB. */
export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${unit === 0 ? count(rest) : digits(rest)} ${UNITS[unit]}`;
}

/** Never 100% unless all, never 0% unless none. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "–";
  if (part === whole) return "100%";
  const share = (100 * part) / whole;
  if (share > 99.9) return ">99.9%";
  if (part > 0 && share < 0.1) return "<0.1%";
  return `${share.toFixed(share >= 99 || share < 10 ? 1 : 0)}%`;
}

export function day(time: string): string {
  const date = new Date(time);
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" } as const;
  return Number.isNaN(date.getTime()) ? time : date.toLocaleDateString("en-GB", options);
}

/** "3 days ago". */
export function ago(time: string, now = Date.now()): string {
  const days = Math.floor((now - Date.parse(time)) / 86_400_000);
  if (Number.isNaN(days)) return time;
  if (days < 1) return "today";
  if (days < 60) return `${some(days, "day")} ago`;
  if (days < 730) return `${Math.round(days / 30.4)} months ago`;
  return `${Math.round(days / 365)} years ago`;
}

export function place({ lon, lat }: Place, decimals = 2): string {
  const part = (value: number, positive: string, negative: string) =>
    `${Math.abs(value).toFixed(decimals)}°${value < 0 ? negative : positive}`;
  return `${part(lat, "N", "S")} ${part(lon, "E", "W")}`;
}

function digits(value: number): string {
  const text =
    value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
