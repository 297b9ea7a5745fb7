import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const FOLDER = fileURLToPath(new URL("../src/styles/", import.meta.url));

/** The classes that a sheet gives a look wherever they stand: `.row`, but not `.builder .row` or `.row.wide`. */
function bareClasses(css: string): Set<string> {
  const plain = css.replace(/\/\*[^]*?\*\//g, "");
  const selectors = [...plain.matchAll(/([^{}]+)\{/g)].flatMap(([, list]) => (list ?? "").split(","));
  return new Set(selectors.map((one) => one.trim()).filter((one) => /^\.[\w-]+$/.test(one)));
}

describe("the style sheets", () => {
  it("define each bare class once: what one page adds changes no other", () => {
    const sheets = new Map<string, string[]>();
    for (const name of readdirSync(FOLDER)) {
      for (const one of bareClasses(readFileSync(FOLDER + name, "utf8"))) sheets.set(one, [...(sheets.get(one) ?? []), name]);
    }
    expect(sheets.size).toBeGreaterThan(50);
    expect([...sheets].filter(([, names]) => names.length > 1)).toEqual([]);
  });

  it("are read as they are written", () => {
    expect([...bareClasses(".row, .call .row { a: b } /* .gone { } */ @media (max-width: 1px) { .wide { a: b } .a:hover { } }")]).toEqual([".row", ".wide"]);
  });
});
