// What a page costs whoever opens it first: the shell, the page's code, its words in one language, its styles.

/** Bytes, packed by gzip, of scripts and of styles. No page may cost more: the build fails. */
const FIRST_LOAD_MAX = { ".js": 60_000, ".css": 12_000 };

/** What a chunk imports before it runs, and what that imports. */
export function staticImports(metafile, chunk, seen = new Set()) {
  for (const i of metafile.outputs[chunk].imports)
    if (i.kind === "import-statement" && !seen.has(i.path)) {
      seen.add(i.path);
      staticImports(metafile, i.path, seen);
    }
  return seen;
}
const broughtBy = (metafile, chunk) => [chunk, ...staticImports(metafile, chunk)];

/** All that a part takes that is loaded when nothing is here yet: the shell, its code, its styles, its words. */
export function filesOf({ metafile, main, always, urlOfSheet }, part, languages) {
  const code = new Set([...broughtBy(metafile, main), ...broughtBy(metafile, part)]);
  const files = new Set([...always, ...code]);
  const isWords = (chunk) => languages.some((l) => metafile.outputs[chunk].entryPoint?.endsWith(`.${l}.ts`));
  for (const chunk of code) {
    const { inputs, imports } = metafile.outputs[chunk];
    for (const input of Object.keys(inputs))
      if (input.startsWith("sheet:")) files.add(urlOfSheet(input.slice("sheet:".length)));
    for (const { kind, path } of imports)
      if (kind === "dynamic-import" && isWords(path))
        for (const words of broughtBy(metafile, path)) files.add(words);
  }
  return files;
}

/** Throws when a page costs too much, else gives a line a page and language. `always`: files every page loads. */
export function checkFirstLoads(built) {
  const lines = [];
  for (const [chunk, { entryPoint }] of Object.entries(built.metafile.outputs))
    for (const language of /^src\/pages\/[\w-]+\.tsx$/.test(entryPoint ?? "") ? ["es", "en"] : []) {
      const files = [...filesOf(built, chunk, [language])];
      const sums = Object.entries(FIRST_LOAD_MAX).map(([kind, most]) => {
        const mine = files.filter((f) => f.endsWith(kind));
        const bytes = mine.reduce((sum, f) => sum + built.size(f), 0);
        if (bytes > most)
          throw new Error(
            `the first load of ${entryPoint} (${language}) takes ${bytes} bytes of ${kind}, more than ${most}. ` +
              `Load later what is shown later (src/base/late.ts). It is: ` +
              mine.map((f) => `${f} ${built.size(f)}`).join(", "),
          );
        return `${kind} ${bytes} of ${most}`;
      });
      lines.push(`first load of ${entryPoint.slice("src/pages/".length)} (${language}): ${sums.join(", ")}`);
    }
  return lines;
}
