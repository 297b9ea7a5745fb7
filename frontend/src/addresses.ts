/** Where things are. Every address of the API lies in the place of the show whose page this is: `/`, or `/shows/NAME/`. */
import type { paths } from "./api";

/** What the schema names, and its own reference, which it does not. */
export type Address = keyof paths | "/docs";

export class Place {
  /** `root` ends in a slash. */
  constructor(readonly root: URL) {}

  /** The place in which the page at `address` lies: pages are one step deep. */
  static of(address: string): Place {
    return new Place(new URL(".", address));
  }

  /** The whole address of `address`, its `{values}` filled in; others are its query. */
  at(address: Address, values: Readonly<Record<string, string>> = {}): string {
    const path = address.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
    const found = new URL(`.${path}`, this.root);
    for (const [name, value] of Object.entries(values)) {
      if (!address.includes(`{${name}}`) && value !== "") found.searchParams.set(name, value);
    }
    return found.href;
  }

  /** The whole address of a page by name; the first one's name is empty. */
  page(name: string): string {
    return new URL(name, this.root).href;
  }

  /** The name of the page at `address`; null when that lies elsewhere. */
  nameOf(address: URL): string | null {
    const { origin, pathname } = this.root;
    if (address.origin !== origin || !address.pathname.startsWith(pathname)) return null;
    const name = address.pathname.slice(pathname.length).replace(/^index\.html$/, "");
    return name.includes("/") ? null : name;
  }
}
