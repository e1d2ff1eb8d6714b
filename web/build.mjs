// Bundles the web interface into a flat folder the binary embeds:
//   node build.mjs --out DIR [--openapi FILE] [--check] [--watch]
// Writes index.html, assets/* (hashed), embed/v1/sereno-world.js, each with its .br and .gz where that is
// smaller, and manifest.txt: one line a stored body, `url <tab> file <tab> content type <tab> encoding <tab> etag`.
// It fails when a page has grown heavier than what a first visit may cost (tools/first-load.mjs).
// With --openapi the types of the API are made from that document first; --check runs the type checker, too.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, context } from "esbuild";
import { writeApiTypes } from "./tools/api-types.mjs";
import { checkFirstLoads, staticImports } from "./tools/first-load.mjs";
import { lateStyles } from "./tools/late-styles.mjs";
import { lateParts, partFiles } from "./tools/late-parts.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    out: { type: "string" },
    openapi: { type: "string" },
    check: { type: "boolean" },
    watch: { type: "boolean" },
  },
});
if (!flags.out) throw new Error("usage: build.mjs --out DIR [--openapi FILE] [--check] [--watch]");
const out = resolve(flags.out);

const contentTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const styles = lateStyles(here);
const parts = lateParts(here);

/** Icons are read from the package at build time, so that no page fetches a sprite. */
const icons = {
  name: "icons",
  setup(b) {
    b.onResolve({ filter: /^virtual:icons$/ }, (args) => ({ path: args.path, namespace: "icons" }));
    b.onLoad({ filter: /.*/, namespace: "icons" }, () => {
      const list = readFileSync(join(here, "src/ui/icon-names.ts"), "utf8");
      const nodes = {};
      for (const [, name] of list.matchAll(/"([a-z0-9-]+)"/g)) {
        const svg = readFileSync(join(here, `node_modules/lucide-static/icons/${name}.svg`), "utf8");
        nodes[name] = [
          ...svg.matchAll(/<(path|circle|rect|line|polyline|polygon|ellipse)\s([^>]*?)\/>/g),
        ].map(([, tag, attributes]) => [
          tag,
          Object.fromEntries([...attributes.matchAll(/([a-z0-9-]+)="([^"]*)"/g)].map(([, k, v]) => [k, v])),
        ]);
      }
      return { contents: `export const icons = ${JSON.stringify(nodes)};`, loader: "js" };
    });
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: !flags.watch,
  sourcemap: false,
  target: ["es2022"],
  format: "esm",
  legalComments: "none",
  charset: "utf8",
  metafile: true,
  write: false,
  plugins: [icons, styles.plugin, parts.plugin],
  logLevel: "warning",
};

const worker = {
  ...common,
  entryPoints: ["src/api/live-worker.ts"],
  outdir: "assets",
  entryNames: "[name].[hash]",
};
const boot = (files) => ({
  ...common,
  entryPoints: ["src/boot.ts"],
  outdir: "assets",
  entryNames: "[name].[hash]",
  format: "iife",
  define: { PART_FILES: JSON.stringify(files) },
});
const embed = { ...common, entryPoints: ["embed/sereno-world.ts"], outdir: "embed/v1" };
const app = (workerName) => ({
  ...common,
  entryPoints: ["src/main.tsx"],
  outdir: "assets",
  entryNames: "[name].[hash]",
  chunkNames: "[name].[hash]",
  assetNames: "[name].[hash]",
  splitting: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".woff2": "file" },
  define: { LIVE_WORKER: JSON.stringify(workerName) },
});

const relative = (file) => file.path.slice(here.length + 1);
const entryOf = (built, start) => relative(built.outputFiles.find((f) => relative(f).startsWith(start)));

function indexHtml(parts) {
  const head = [
    `<link rel="icon" href="${parts.icon}" type="image/svg+xml">`,
    `<link rel="stylesheet" href="${parts.style}">`,
    `<link rel="preload" href="${parts.font}" as="font" type="font/woff2" crossorigin>`,
    ...parts.chunks.map((c) => `<link rel="modulepreload" href="${c}">`),
    `<script src="${parts.boot}"></script>`,
    `<script type="module" src="${parts.main}"></script>`,
  ].join("\n    ");
  return readFileSync(join(here, "index.html"), "utf8").replace("<!-- head -->", head);
}

function store(files) {
  rmSync(out, { recursive: true, force: true });
  const lines = [];
  const put = (url, name, bytes, type, encoding, etag) => {
    const path = join(out, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    lines.push([url, name, type, encoding, etag].join("\t"));
  };
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const type = contentTypes[extname(name)];
    if (!type) throw new Error(`no content type for ${name}`);
    const etag = hashOf(bytes).slice(0, 16);
    put(`/${name}`, name, bytes, type, "identity", etag);
    if (extname(name) === ".woff2") continue;
    const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: flags.watch ? 4 : 11 } };
    const packed = { br: brotliCompressSync(bytes, brotli), gz: gzipSync(bytes, { level: 9 }) };
    for (const [suffix, encoding] of [
      ["br", "br"],
      ["gz", "gzip"],
    ])
      if (packed[suffix].length < bytes.length)
        put(`/${name}`, `${name}.${suffix}`, packed[suffix], type, encoding, etag);
  }
  writeFileSync(join(out, "manifest.txt"), `${lines.join("\n")}\n`);
}

async function once() {
  styles.sheets.clear();
  parts.names.clear();
  const [w, e] = await Promise.all([build(worker), build(embed)]);
  const a = await build(app(entryOf(w, "assets/live-worker.")));
  const files = new Map();
  const take = (built) => {
    for (const f of built.outputFiles) files.set(relative(f), Buffer.from(f.contents));
  };
  for (const built of [w, e, a]) take(built);
  for (const { url, bytes } of styles.sheets.values()) files.set(url, bytes);
  const icon = readFileSync(join(here, "favicon.svg"));
  const iconName = `assets/favicon.${hashOf(icon).slice(0, 8)}.svg`;
  files.set(iconName, icon);
  const named = (pattern) => [...files.keys()].find((n) => pattern.test(n));
  const main = named(/^assets\/main\.[A-Z0-9]+\.js$/);
  const style = named(/^assets\/main\.[A-Z0-9]+\.css$/);
  const built = {
    metafile: a.metafile,
    main,
    always: [entryOf(w, "assets/live-worker."), style],
    urlOfSheet: (input) => styles.sheets.get(resolve(here, input))?.url,
  };
  const b = await build(boot(partFiles(built, parts.names)));
  take(b);
  const bootName = entryOf(b, "assets/boot.");
  const html = indexHtml({
    main,
    icon: iconName,
    boot: bootName,
    style,
    font: named(/\.woff2$/),
    chunks: [...staticImports(a.metafile, main)],
  });
  files.set("index.html", Buffer.from(html));
  const size = (name) => gzipSync(files.get(name), { level: 9 }).length;
  const costs = checkFirstLoads({ ...built, always: [...built.always, bootName], size });
  store(files);
  return costs;
}

if (flags.openapi) writeApiTypes(flags.openapi, join(here, "src/api/schema.gen.ts"));
if (flags.check)
  execFileSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), "--noEmit", "-p", here], {
    stdio: "inherit",
  });
if (flags.watch) {
  const rebuild = {
    name: "rebuild",
    setup: (b) => b.onEnd(() => once().then(() => console.log("built"), console.error)),
  };
  const watching = await context({ ...app("x"), plugins: [icons, styles.plugin, parts.plugin, rebuild] });
  await watching.watch();
} else {
  for (const line of await once()) console.log(`web: ${line}`);
}
