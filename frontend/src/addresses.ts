/** Where things are. Every address of the API lies in the place of the show whose page this is: `/`, or `/shows/NAME/`. */
import type { paths } from "./api";

export type Address = keyof paths;

/** The whole address of `address`, its `{values}` filled in. */
export function at(address: Address | "/docs", values: Readonly<Record<string, string>> = {}): string {
  const path = address.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  return new URL(`.${path}`, document.baseURI).href;
}
