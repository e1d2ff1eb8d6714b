// The window onto the lines: a scrollbar as long as the browser allows, and in it only the rows that are seen.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { runWords } from "../words/run";
import {
  clampPosition,
  type Extent,
  fullHeight,
  isScaled,
  lastPosition,
  positionOf,
  ROW_PX,
  scrollTopOf,
} from "./scroll";

export interface WindowHandle {
  /** Moves to a position; `tellUser` false: it follows the end. */
  moveTo(position: number): void;
  extent(): Extent;
  position(): number;
}

interface LogWindowProps {
  count: number;
  isWrapped: boolean;
  /** Room for so many lines even when there are fewer. */
  minRows: number;
  /** The end stays in view as lines come. */
  isFollowing: boolean;
  /** The user has moved; whether that is the end. */
  onMove: (isEnd: boolean) => void;
  /** Rows [first, last) of the list (from 0) are seen. */
  onSee: (first: number, last: number) => void;
  row: (index: number) => ComponentChildren;
  handle: { current: WindowHandle | null };
  children?: ComponentChildren;
}

export function LogWindow(props: LogWindowProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useSignal(400);
  const position = useSignal(0);
  const expected = useRef(0); // where we have put the scrollbar ourselves
  const extent = (): Extent => ({ count: props.count, view: view.peek(), isWrapped: props.isWrapped });
  const latest = useRef({ props, extent });
  latest.current = { props, extent };

  const moveTo = (to: number) => {
    const e = latest.current.extent();
    position.value = clampPosition(e, to);
    const element = box.current;
    if (!element) return;
    element.scrollTop = scrollTopOf(e, position.peek());
    expected.current = element.scrollTop;
  };
  props.handle.current = { moveTo, extent: () => latest.current.extent(), position: () => position.peek() };

  const tellMove = () => {
    const e = latest.current.extent();
    latest.current.props.onMove(position.peek() >= lastPosition(e) - 0.6);
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => void (view.value = Math.max(ROW_PX, element.clientHeight));
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    const onScroll = () => {
      if (Math.abs(element.scrollTop - expected.current) < 1.5) return;
      expected.current = element.scrollTop;
      position.value = positionOf(latest.current.extent(), element.scrollTop);
      tellMove();
    };
    // With a scaled scrollbar a notch of the wheel would jump over many lines: it moves by lines all the same.
    const onWheel = (event: WheelEvent) => {
      const e = latest.current.extent();
      if (!isScaled(e) || event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const px =
        event.deltaMode === 1
          ? event.deltaY * ROW_PX
          : event.deltaMode === 2
            ? event.deltaY * e.view
            : event.deltaY;
      moveTo(position.peek() + px / ROW_PX);
      tellMove();
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", onScroll);
      element.removeEventListener("wheel", onWheel);
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = view.peek() / ROW_PX - 1;
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    const step = event.key === " " ? (event.shiftKey ? -page : page) : steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo(position.peek() + step);
    tellMove();
  };

  const e: Extent = { count: props.count, view: view.value, isWrapped: props.isWrapped };
  useLayoutEffect(() => {
    moveTo(props.isFollowing ? Infinity : position.peek());
  }, [props.count, props.isFollowing, props.isWrapped, view.value]);

  const top = clampPosition(e, position.value);
  const isEnd = props.isWrapped && props.count > 0 && top >= lastPosition(e) - 0.01;
  const rows = Math.ceil(e.view / ROW_PX) + 1;
  const first = isEnd ? Math.max(0, props.count - rows) : Math.floor(top);
  const last = Math.min(props.count, first + rows);
  useEffect(() => props.onSee(first, last), [first, last, props.count]);

  const list: ComponentChildren[] = [];
  for (let i = first; i < last; i++) list.push(props.row(i));
  const shift = isEnd ? 0 : -(top - first) * ROW_PX;
  return (
    <div
      ref={box}
      class={`log-window${props.isWrapped ? " wrapped" : ""}`}
      tabIndex={0}
      role="region"
      aria-label={runWords().log.region}
      style={{ "--lines": props.isWrapped ? "9999" : String(Math.max(props.count, props.minRows)) }}
      onKeyDown={onKeyDown}
    >
      <div class="log-height" style={{ height: `${fullHeight(e)}px` }}>
        <div class={`log-seen${isEnd ? " end" : ""}`} style={{ height: `${e.view}px` }}>
          <div class="log-rows" style={{ transform: `translateY(${shift}px)` }}>
            {list}
          </div>
        </div>
      </div>
      {props.children}
    </div>
  );
}
