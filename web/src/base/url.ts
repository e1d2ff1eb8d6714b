// The address is the state: path, query, and moving between them without loading the page anew.
import { batch, computed, signal } from "@preact/signals";
import { keepPlace, returnToPlace, startPlaces } from "./scroll-place";

/** Where the interface is mounted, with a slash at both ends ("/" or "/sereno/"): the document's base. */
export const basePath = new URL(document.baseURI).pathname;

/** The path below the base of a path of the server. */
export const inside = (pathname: string) =>
  pathname.startsWith(basePath) ? `/${pathname.slice(basePath.length)}` : pathname;

/** The path below the base, decoded by nobody yet: "/jobs/c0…". */
export const path = signal(inside(location.pathname));
export const query = signal(new URLSearchParams(location.search));
/** "#L7" */
export const fragment = signal(location.hash);

/** A path as people read it. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Turns a path of ours into one a link can carry. */
export const href = (to: string) => basePath + to.replace(/^\//, "");

function readAddress(): void {
  batch(() => {
    path.value = inside(location.pathname);
    query.value = new URLSearchParams(location.search);
    fragment.value = location.hash;
  });
}

/** `to` is where one wants to go; null: the tab closes. */
type Guard = (to: string | null) => boolean;
const guards = new Set<Guard>();
/** While the guard says false, nobody leaves the page (unsaved changes). Returns how to take it back. */
export function guardLeaving(guard: Guard): () => void {
  guards.add(guard);
  return () => void guards.delete(guard);
}
/** Whether one may go there; null: the tab closes. A guard that says no asks by itself. */
export const mayLeave = (to: string | null) => [...guards].every((guard) => guard(to));

/** Goes to a path of ours ("/jobs?q=tag:SYNC"). */
export function go(to: string, options: { replace?: boolean } = {}): void {
  const target = new URL(href(to), location.origin);
  if (inside(target.pathname) !== path.value && !mayLeave(to)) return;
  const isSamePage = inside(target.pathname) === path.value;
  if (!options.replace) keepPlace();
  history[options.replace ? "replaceState" : "pushState"](options.replace ? history.state : null, "", target);
  readAddress();
  if (!isSamePage && !target.hash) window.scrollTo(0, 0);
}

/** Changes parameters of the query; null or "" removes one. Typing in a filter replaces, choosing a tab pushes. */
export function setQuery(changes: Record<string, string | null>, options: { push?: boolean } = {}): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes))
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  const text = next.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  go(`${path.value}${text ? `?${text}` : ""}${location.hash}`, {
    replace: !options.push,
  });
}

/** One parameter as a signal. */
export const param = (name: string) => computed(() => query.value.get(name) ?? "");

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

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  const to = new URL(link.href);
  if (!to.pathname.startsWith(basePath) || /^\/(api|embed|assets)\//.test(inside(to.pathname))) return;
  event.preventDefault();
  go(inside(to.pathname) + to.search + to.hash);
}

/** The back button asks the guards, too: on a no, the address is put back. */
function followHistory(): void {
  const to = inside(location.pathname);
  if (to !== path.value && !mayLeave(to + location.search + location.hash)) {
    const text = query.value.toString();
    history.pushState(null, "", href(path.value) + (text ? `?${text}` : "") + fragment.value);
    return;
  }
  const isSamePage = to === path.value;
  readAddress();
  if (!isSamePage && !location.hash) returnToPlace();
}

/** Links become moves inside the page; the back button works; a guard asks before the tab closes. */
export function startAddress(): void {
  startPlaces();
  document.addEventListener("click", followLink);
  window.addEventListener("popstate", followHistory);
  window.addEventListener("beforeunload", (event) => {
    if (!mayLeave(null)) event.preventDefault();
  });
}
