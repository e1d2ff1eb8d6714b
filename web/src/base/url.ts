// The address is the state: path, query, and moving between them without loading the page anew.
import { batch, computed, signal } from "@preact/signals";
import { basePath, href, inside } from "./path";
import { keepPlace, returnToPlace, startPlaces } from "./scroll-place";

export { basePath, decoded, href, inside } from "./path";

/** The path below the base, decoded by nobody yet: "/jobs/c0…". */
export const path = signal(inside(location.pathname));
export const query = signal(new URLSearchParams(location.search));
/** "#L7" */
export const fragment = signal(location.hash);

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
