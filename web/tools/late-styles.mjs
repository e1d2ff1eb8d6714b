// Style sheets that are named by a page or part (`import "….css"` anywhere but in main.tsx) become files of their own,
// which come with its code: the import turns into a call of needStyle (src/base/late.ts). Those of style/pages hold for
// the elements of that page alone, [data-page="NAME"], and weigh no more than others do (:where).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { build } from "esbuild";

const nameOf = (file) => basename(file).replace(/(\.min)?\.css$/, "");

async function packed(file) {
  const text = readFileSync(file, "utf8");
  const isOfPage = basename(dirname(file)) === "pages";
  const built = await build({
    stdin: {
      contents: isOfPage ? `:where([data-page="${nameOf(file)}"]){${text}}` : text,
      sourcefile: file,
      resolveDir: dirname(file),
      loader: "css",
    },
    bundle: true,
    minify: true,
    write: false,
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning",
  });
  return Buffer.from(built.outputFiles[0].contents);
}

/** The plugin, and what it met: `sheets`, by the path of the source {url, bytes}. */
export function lateStyles(root) {
  const sheets = new Map();
  const sheetOf = async (file) => {
    const bytes = await packed(file);
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
    const sheet = { url: `assets/${nameOf(file)}.${hash}.css`, bytes };
    sheets.set(file, sheet);
    return sheet;
  };
  const setup = (b) => {
    b.onResolve({ filter: /\.css$/ }, async (args) => {
      const isOurs = args.kind === "import-statement" && args.pluginData !== "as it is";
      if (!isOurs || /main\.tsx$/.test(args.importer)) return undefined;
      const { resolveDir, kind } = args;
      const found = await b.resolve(args.path, { resolveDir, kind, pluginData: "as it is" });
      return found.errors.length ? found : { path: found.path, namespace: "sheet", sideEffects: true };
    });
    b.onLoad({ filter: /.*/, namespace: "sheet" }, async ({ path }) => {
      const { url } = await sheetOf(path);
      const contents = `import { needStyle } from "./src/base/late"; needStyle(${JSON.stringify(url)});`;
      return { contents, resolveDir: root, loader: "ts", watchFiles: [path] };
    });
  };
  return { plugin: { name: "late styles", setup }, sheets };
}
