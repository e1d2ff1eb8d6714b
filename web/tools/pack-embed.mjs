// Makes the npm-ready folder of the elements for other people's pages:  node tools/pack-embed.mjs OUT
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = resolve(process.argv[2] ?? "dist-embed");
const source = join(web, "embed/sereno-world.ts");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
cpSync(join(web, "embed/package"), out, { recursive: true });
cpSync(join(web, "../LICENSE"), join(out, "LICENSE"));
buildSync({
  entryPoints: [source],
  outfile: join(out, "sereno-world.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
});
const compiler = join(web, "node_modules/typescript/bin/tsc");
const options = [
  "--declaration",
  "--emitDeclarationOnly",
  "--target",
  "es2022",
  "--lib",
  "es2023,dom",
  "--outDir",
  out,
];
execFileSync(process.execPath, [compiler, "--ignoreConfig", ...options, source], { stdio: "inherit" });
