// Saved filters: four that everybody has, and one's own, kept in this browser.
import { computed } from "@preact/signals";
import { remembered } from "../../base/remember";

export interface View {
  name: string;
  q: string;
}
const kept = remembered<string>("job-views", "[]");

/** What storage holds, or nothing when it holds something else. Pure. */
export function readViews(text: string): View[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list)
      ? list.filter((v): v is View => typeof v?.name === "string" && typeof v?.q === "string").slice(0, 20)
      : [];
  } catch {
    return [];
  }
}

export const ownViews = computed(() => readViews(kept.value));
export const saveView = (view: View) =>
  void (kept.value = JSON.stringify([...ownViews.value.filter((v) => v.name !== view.name), view]));
export const forgetView = (name: string) =>
  void (kept.value = JSON.stringify(ownViews.value.filter((v) => v.name !== name)));
