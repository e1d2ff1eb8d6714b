// Rows of one height, of which only the visible ones exist. Each row keeps its element (keyed by id), so focus and
// selection in it survive scrolling by a row and live changes.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 6;
/** Browsers cap an element's height; beyond it positions are scaled. */
export const HEIGHT_MAX = 12_000_000;

/** Which rows to draw for a window [top, top + height) of the page over a list that begins at 0. Pure. */
export function visibleRows(
  count: number,
  rowHeight: number,
  top: number,
  height: number,
): { first: number; last: number } {
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, count), last: Math.max(last, 0) };
}

interface VirtualListProps<T> {
  rows: readonly T[];
  rowHeight: number;
  keyOf: (row: T) => string;
  /** Draws one row; gives it aria-rowindex itself when it is a table row. */
  children: (row: T, index: number) => ComponentChildren;
  role?: "rowgroup" | "list" | "presentation";
  class?: string;
}

/** Follows the page's own scrolling. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ first: 0, last: 40 });
  const { rows, rowHeight } = props;
  useLayoutEffect(() => {
    const look = () => {
      const element = box.current;
      if (!element) return;
      const top = -element.getBoundingClientRect().top;
      const next = visibleRows(rows.length, rowHeight, top, window.innerHeight);
      setRange((old) => (old.first === next.first && old.last === next.last ? old : next));
    };
    look();
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [rows.length, rowHeight]);
  const shown = rows.slice(range.first, range.last);
  return (
    <div
      ref={box}
      class={`virtual ${props.class ?? ""}`}
      role={props.role}
      style={{ height: `${rows.length * rowHeight}px` }}
    >
      {shown.map((row, i) => (
        <div
          key={props.keyOf(row)}
          class="virtual-row"
          role="presentation"
          style={{ transform: `translateY(${(range.first + i) * rowHeight}px)`, height: `${rowHeight}px` }}
        >
          {props.children(row, range.first + i)}
        </div>
      ))}
    </div>
  );
}
