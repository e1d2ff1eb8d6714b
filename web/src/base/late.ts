// Pages and parts that are loaded when they are first wanted. Their words and looks are files of their own, named by
// the modules that use them; a part is shown when those are here, too, so that nobody sees it naked or silent.
const needs = new Set<() => Promise<unknown>>();

/** `load` is called before any late part is shown, again and again: once it has worked it must answer at once. */
export const need = (load: () => Promise<unknown>): void => void needs.add(load);

/** The code, when all it needs is here. `name`, which build.mjs puts in, is its place in the table of files (ahead.ts):
 * all that it is made of is asked for at once. */
export async function late<T>(code: Promise<T>, name?: string): Promise<T> {
  if (name) globalThis.bringPart?.(name);
  const part = await code;
  await Promise.all([...needs].map((load) => load()));
  return part;
}

const sheets = new Map<string, Promise<void>>();

/** Names a style sheet of the server; build.mjs makes this call of each `import "….css"`. */
export function needStyle(url: string): void {
  need(() => {
    const known = sheets.get(url);
    if (known) return known;
    const link = document.createElement("link");
    const coming = new Promise<void>((resolve, reject) => {
      link.onload = () => resolve();
      link.onerror = () => {
        sheets.delete(url);
        link.remove();
        reject(new Error(`${url} did not come`));
      };
    });
    sheets.set(url, coming);
    link.rel = "stylesheet";
    link.href = url;
    document.head.append(link);
    return coming;
  });
}
