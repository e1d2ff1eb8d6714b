// Where a view of very many lines stands. Positions count in lines and may lie between two; the scrollbar follows them.
// Browsers cap an element's height, so above HEIGHT_MAX the scrollbar is scaled. Pure.

export const ROW_PX = 20;
export const HEIGHT_MAX = 16_000_000;

export interface Extent {
  /** lines */
  count: number;
  /** px of the window onto them */
  view: number;
  /** Wrapped lines have heights nobody knows beforehand: the last one may stand at the top. */
  isWrapped: boolean;
}

const viewRows = (e: Extent) => (e.isWrapped ? 1 : e.view / ROW_PX);
/** The last position. */
export const lastPosition = (e: Extent) => Math.max(0, e.count - viewRows(e));
/** px of the whole, as far as the browser is told. */
export const fullHeight = (e: Extent) => Math.min(HEIGHT_MAX, lastPosition(e) * ROW_PX + e.view);
export const isScaled = (e: Extent) => lastPosition(e) * ROW_PX + e.view > HEIGHT_MAX;
const scrollRange = (e: Extent) => Math.max(0, fullHeight(e) - e.view);

export const clampPosition = (e: Extent, position: number) =>
  Math.min(Math.max(0, position), lastPosition(e));

export function positionOf(e: Extent, scrollTop: number): number {
  const range = scrollRange(e);
  return range ? clampPosition(e, (scrollTop / range) * lastPosition(e)) : 0;
}

export function scrollTopOf(e: Extent, position: number): number {
  const last = lastPosition(e);
  return last ? (clampPosition(e, position) / last) * scrollRange(e) : 0;
}

/** The position that shows a line in the middle, or stays where it is when the line is well in view. */
export function positionToShow(e: Extent, position: number, line: number): number {
  const rows = e.view / ROW_PX;
  const index = line - 1;
  if (index >= position + 2 && index <= position + rows - 4) return position;
  return clampPosition(e, index - Math.floor(rows / 3));
}

/** The first number of an ascending list that is > n, or the last that is < n; wraps around. -1: the list is empty. */
export function neighbour(list: readonly number[], n: number, isForward: boolean): number {
  if (!list.length) return -1;
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const goesOn = isForward ? (list[middle] as number) <= n : (list[middle] as number) < n;
    if (goesOn) low = middle + 1;
    else high = middle;
  }
  return isForward ? low % list.length : (low - 1 + list.length) % list.length;
}
