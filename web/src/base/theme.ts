// Light, dark, or as the system has it; boot.ts applies it before the first paint.
import { computed, signal } from "@preact/signals";
import { remembered } from "./remember";

export type Theme = "system" | "light" | "dark";
export const theme = remembered<Theme>("theme", "system");

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

const system = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(system.matches);
system.addEventListener("change", () => void (isSystemDark.value = system.matches));

/** What is seen now. For what has painted colours of the theme and must paint anew, which style sheets do by themselves. */
export const isDark = computed(() =>
  theme.value === "system" ? isSystemDark.value : theme.value === "dark",
);

/** A colour of the theme (`--line`) as a canvas knows it: light-dark() is resolved by an element that has it. */
export function paintOf(box: Element, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  box.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
