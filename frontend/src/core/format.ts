/** Numbers and times as people read them. */

const NOTHING = "–";

/** `12.3`, with a dash for what is unknown. */
export function decimal(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || !Number.isFinite(value) ? NOTHING : value.toFixed(digits);
}

/** Megabytes, as GB from 1000 on. */
export function megabytes(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} GB` : `${Math.round(value)} MB`;
}

/** The time of day of a Unix time in ms: `14:03:07`. */
export function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString(undefined, { hour12: false });
}

/** A whole number of seconds in words: `1 second`, `4 seconds`. */
export function seconds(value: number): string {
  const whole = Math.max(1, Math.round(value));
  return whole === 1 ? "1 second" : `${whole} seconds`;
}

/** A name a file carries, as a label: `living-room` → `Living room`. */
export function label(name: string): string {
  const words = name.replace(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
