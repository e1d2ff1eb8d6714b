// Parts that come later, `late(import("…"))`: each gets its name as a second argument, and a table (src/base/ahead.ts)
// says which files it is made of, so that all of them are asked for at once.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { filesOf, staticImports } from "./first-load.mjs";

const LATE = /(?<![.\w])late\(\s*import\("([^"]+)"\),?\s*\)/g;
const LANGUAGES = ["es", "en"];
const partOf = (input) => input.replace(/^src\//, "").replace(/\.\w+$/, "");

/** The plugin, and the names of the parts it met. */
export function lateParts(root) {
  const names = new Set();
  const nameOf = async (b, specifier, resolveDir) => {
    const found = await b.resolve(specifier, { resolveDir, kind: "dynamic-import" });
    const name = partOf(relative(root, found.path));
    names.add(name);
    return name;
  };
  const setup = (b) => {
    b.onLoad({ filter: /\/src\/.*\.tsx?$/ }, async ({ path }) => {
      const text = readFileSync(path, "utf8");
      const found = [...text.matchAll(LATE)];
      if (found.length !== text.split(/(?<![.\w])late\(/).length - 1)
        throw new Error(`${path}: only late(import("…")) can be read by the build`);
      if (!found.length) return undefined;
      const dir = path.slice(0, path.lastIndexOf("/"));
      const named = await Promise.all(found.map(([, specifier]) => nameOf(b, specifier, dir)));
      let i = 0;
      const contents = text.replace(LATE, (_, specifier) => `late(import("${specifier}"), "${named[i++]}")`);
      return { contents, loader: path.endsWith("x") ? "tsx" : "ts" };
    });
  };
  return { plugin: { name: "late parts", setup }, names };
}

/** {files, parts}: what each part takes beside what the document and the part "shell" have brought, in all languages. */
export function partFiles(built, names) {
  const { metafile, main, always } = built;
  const ofDocument = new Set([main, ...always, ...staticImports(metafile, main)]);
  const shell = filesOf(built, main, LANGUAGES);
  const files = [];
  const placeOf = (file) => {
    const name = file.replace(/^assets\//, "");
    return files.includes(name) ? files.indexOf(name) : files.push(name) - 1;
  };
  const chunks = Object.entries(metafile.outputs).filter(([, o]) => o.entryPoint);
  const parts = { shell: [...shell].filter((f) => !ofDocument.has(f)).map(placeOf) };
  for (const name of [...names].sort()) {
    const [chunk] = chunks.find(([, o]) => partOf(o.entryPoint) === name) ?? [];
    if (!chunk) throw new Error(`no file of ${name}`);
    parts[name] = [...filesOf(built, chunk, LANGUAGES)].filter((f) => !shell.has(f)).map(placeOf);
  }
  return { files, parts };
}
