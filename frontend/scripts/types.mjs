// Writes src/api.d.ts from the API's own schema, or with --check says whether it still matches.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import openapiTS, { astToString } from "openapi-typescript";

const duologue = fileURLToPath(new URL("../../.venv/bin/duologue", import.meta.url));
const target = fileURLToPath(new URL("../src/api.d.ts", import.meta.url));
const banner = "// Generated from the API schema by `npm run types`. Do not edit.\n\n";

const { stdout } = await promisify(execFile)(duologue, ["openapi"], { maxBuffer: 16 * 1024 * 1024 });
const text = banner + astToString(await openapiTS(JSON.parse(stdout)));

if (!process.argv.includes("--check")) {
  await writeFile(target, text);
} else if ((await readFile(target, "utf8")) !== text) {
  console.error("src/api.d.ts does not match the API schema. Run `npm --prefix frontend run types` and commit it.");
  process.exit(1);
}
