/** Beside each file of the build that gets smaller by it, its compressed forms: the server sends what the browser takes. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(js|css|html|svg|json)$/;
/** Below this a header costs as much as is won, bytes. */
const LEAST = 512;

async function compressed(file: string): Promise<void> {
  const data = await readFile(file);
  if (data.length < LEAST) return;
  const forms = [
    [".br", await promisify(brotliCompress)(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } })],
    [".gz", await promisify(gzip)(data, { level: 9 })],
  ] as const;
  await Promise.all(forms.filter(([, form]) => form.length < data.length).map(([suffix, form]) => writeFile(file + suffix, form)));
}

/** A document that is served one step deeper than it lies: `/face/NAME`. */
export function deeper(name: string): Plugin {
  return {
    name: "duologue-deeper",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const found = bundle[name];
      if (found?.type !== "asset" || typeof found.source !== "string") this.error(`${name} was not built`);
      found.source = found.source.replaceAll('="./', '="../');
    },
  };
}

export function compress(): Plugin {
  return {
    name: "duologue-compress",
    apply: "build",
    async writeBundle({ dir = "." }) {
      const found = await readdir(dir, { recursive: true, withFileTypes: true });
      const files = found.filter((one) => one.isFile() && TEXT.test(one.name)).map((one) => join(one.parentPath, one.name));
      await Promise.all(files.map(compressed));
    },
  };
}
