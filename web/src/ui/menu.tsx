// A button that opens a list of commands; arrow keys move, Escape closes, the focus returns to the button.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import type { IconName } from "./icon-names";

export interface MenuItem {
  text: string;
  run: () => void;
  icon?: IconName;
  isDanger?: boolean;
}

export function Menu(props: {
  items: readonly MenuItem[];
  label: string;
  icon?: IconName;
  children?: ComponentChildren;
  kind?: "plain" | "main" | "quiet";
}) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = () => [...(box.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]") ?? [])];
  const close = (giveBack: boolean) => {
    setOpen(false);
    if (giveBack) box.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    items()[0]?.focus();
    const outside = (event: Event) => box.current?.contains(event.target as Node) || close(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!isOpen) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1 + all.length,
      Home: 0,
      End: all.length - 1,
    };
    const to = moves[event.key];
    if (event.key === "Escape") close(true);
    else if (event.key === "Tab") close(false);
    else if (to !== undefined) all[to % all.length]?.focus();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu" ref={box} onKeyDown={onKeyDown}>
      <Button
        kind={props.kind ?? "plain"}
        {...(props.icon ? { icon: props.icon } : {})}
        label={props.label}
        expanded={isOpen}
        controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {props.children}
      </Button>
      {isOpen && (
        <div class="menu-list" role="menu" id={id} aria-label={props.label}>
          {props.items.map((item) => (
            <button
              key={item.text}
              type="button"
              role="menuitem"
              tabIndex={-1}
              class={item.isDanger ? "danger" : ""}
              onClick={() => {
                close(true);
                item.run();
              }}
            >
              {item.text}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
