// What can be done with the chosen rows of a list: a bar at its foot while there are some.
import type { ComponentChildren } from "preact";
import "../style/chosen-bar.css";

export function ChosenBar(props: { label: string; note?: string | undefined; children: ComponentChildren }) {
  return (
    <div class="chosen-bar" role="region" aria-label={props.label}>
      <strong>{props.note ?? props.label}</strong>
      {props.children}
    </div>
  );
}
