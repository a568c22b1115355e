// Bundles the viewer into ../build/code_view.js, and the licences of what went into it into ../build/LICENSES.txt.
// `--check` writes nothing and fails when the committed files differ from what this source gives.
import { build } from "esbuild";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUT = join(import.meta.dirname, "..", "build");
const result = await build({
  entryPoints: [join(import.meta.dirname, "main.js")],
  bundle: true, minify: true, format: "esm", target: "es2022", legalComments: "none", charset: "utf8",
  write: false, metafile: true, outfile: "code_view.js", absWorkingDir: import.meta.dirname,
});

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const found = input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) packages.add(found[1]);
}

let licenses = "code_view.js holds the packages below. Each is under the licence printed with it.\n";
for (const name of [...packages].sort()) {
  const folder = join(import.meta.dirname, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (about.license !== "MIT" || !file) throw new Error(`${name}: licence ${about.license}, file ${file}`);
  licenses += `\n==== ${name} ${about.version} (${about.license}) ====\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

mkdirSync(OUT, { recursive: true });
let stale = 0;
for (const [name, text] of [["code_view.js", result.outputFiles[0].text], ["LICENSES.txt", licenses]]) {
  const path = join(OUT, name);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) { console.error(`${name} is not what the source builds`); stale = 1; }
}
console.log(`code_view.js: ${result.outputFiles[0].contents.length} bytes, ${packages.size} packages`);
process.exit(stale);
