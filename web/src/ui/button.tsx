import type { ComponentChildren } from "preact";
import { Icon } from "./icon";
import type { IconName } from "./icon-names";

interface ButtonProps {
  onClick?: (event: MouseEvent) => void;
  kind?: "plain" | "main" | "danger" | "quiet";
  icon?: IconName;
  /** The accessible name where the button shows no word. */
  label?: string;
  type?: "button" | "submit";
  /** Busy buttons keep the focus; they only stop obeying. */
  isBusy?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  expanded?: boolean;
  controls?: string;
  keys?: string;
  class?: string;
  children?: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { kind = "plain", isBusy, children } = props;
  return (
    <button
      type={props.type ?? "button"}
      class={`button ${kind} ${children ? "" : "bare"} ${props.class ?? ""}`}
      aria-label={props.label}
      title={children ? undefined : props.label}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-controls={props.controls}
      aria-keyshortcuts={props.keys}
      disabled={props.disabled}
      onClick={isBusy ? undefined : props.onClick}
    >
      {props.icon && <Icon name={props.icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}
