import { h } from "preact";
import { icons } from "virtual:icons";
import type { IconName } from "./icon-names";

/** A picture beside a word; never the only thing that says what a button does (give the button a label). */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  const shapes = icons[name] ?? [];
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {shapes.map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  );
}
