/** Settings as the page lists them. */
import type { SettingView } from "../models";

/** Those whose key, value, source or description holds each of the words, and with `given` only what is not a default. */
export function chosenOf(all: readonly SettingView[], words: string, given: boolean): SettingView[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((one) => {
    const text = `${one.key} ${one.value} ${one.source} ${one.what} ${one.why}`.toLowerCase();
    return (!given || one.source !== "default") && wanted.every((word) => text.includes(word));
  });
}

/** By the first part of their keys, in the order in which they come. */
export function bySection(settings: readonly SettingView[]): [string, SettingView[]][] {
  const found = new Map<string, SettingView[]>();
  for (const one of settings) {
    const name = one.key.split(".")[0] ?? "";
    found.set(name, [...(found.get(name) ?? []), one]);
  }
  return [...found];
}
