/** Numbers and times as people read them. */

const NOTHING = "–";

/** `12.3`, with a dash for what is unknown. */
export function decimal(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || !Number.isFinite(value) ? NOTHING : value.toFixed(digits);
}

/** A count in little room: `999`, `1.2k`, `34k`. */
export function compact(count: number): string {
  if (count < 1000) return String(count);
  return `${count < 10_000 ? (Math.floor(count / 100) / 10).toFixed(1) : Math.floor(count / 1000)}k`;
}

/** How many of something: `1 turn`, `1,200 turns`. */
export function counted(count: number, one: string): string {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
}

/** Megabytes, as GB from 1000 on. */
export function megabytes(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} GB` : `${Math.round(value)} MB`;
}

/** The time of day of a Unix time in ms: `14:03:07`. */
export function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString(undefined, { hour12: false });
}

/** Minutes that this device's clocks were ahead of UTC at a Unix time in ms. */
export function offsetAt(milliseconds: number): number {
  return -new Date(milliseconds).getTimezoneOffset();
}

/** An offset as it is written: `UTC`, `UTC+05:30`. */
export function zoneOf(offset: number): string {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((value) => String(value).padStart(2, "0"));
  return offset ? `UTC${offset < 0 ? "-" : "+"}${hours}:${minutes}` : "UTC";
}

/** A name a file carries, as a label: `living-room` → `Living room`. */
export function label(name: string): string {
  const words = name.replace(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A sentence's words as the end of another one: `Every second picture` → `every second picture.` */
export function sentence(words: string): string {
  const first = /^\p{Lu}(?!\p{Lu})/u.test(words) ? words.charAt(0).toLowerCase() : words.charAt(0);
  return `${first}${words.slice(1).replace(/\.$/, "")}.`;
}

/** How long something went on, in whole seconds: `29 s`, `1 min 29 s`, `1 h 2 min`. */
export function stretch(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** A length of time in a form that suits it: `4 ms`, `380 ms`, `1.2 s`, `2 min 5 s`. */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined || !Number.isFinite(milliseconds)) return NOTHING;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
}
