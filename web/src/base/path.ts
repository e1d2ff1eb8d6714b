// Paths of ours: below the base, as links carry them, as people read them, and which page's they are.

/** Where the interface is mounted, with a slash at both ends ("/" or "/sereno/"): the document's base. */
export const basePath = new URL(document.baseURI).pathname;

/** The path below the base of a path of the server. */
export const inside = (pathname: string) =>
  pathname.startsWith(basePath) ? `/${pathname.slice(basePath.length)}` : pathname;

/** Turns a path of ours into one a link can carry. */
export const href = (to: string) => basePath + to.replace(/^\//, "");

/** A path as people read it. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Arguments of "/jobs/:id" in a path, or null when it is another page. */
export function matchPath(pattern: string, at: string): Record<string, string> | null {
  const want = pattern.split("/");
  const got = at.replace(/\/$/, "").split("/");
  if (want.length !== got.length && !(pattern === "/" && at === "/")) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of want.entries()) {
    const value = got[i] ?? "";
    if (part.startsWith(":")) {
      if (!value) return null;
      try {
        found[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return found;
}
