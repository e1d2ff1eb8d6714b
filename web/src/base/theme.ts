// Light, dark, or as the system has it; boot.ts applies it before the first paint.
import { remembered } from "./remember";

export type Theme = "system" | "light" | "dark";
export const theme = remembered<Theme>("theme", "system");

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}
