// What differs between two outputs, line by line: lines that are unique in both hold them together, between those the
// shortest edit (Myers) is looked for, within a bound. Pure.

export interface Change {
  kind: "same" | "removed" | "added";
  /** Places in the two lists, from 0. */
  a: number;
  b: number;
  count: number;
}
export interface Diff {
  changes: Change[];
  /** Somewhere it was given up: a whole part is shown as removed and added. */
  isRough: boolean;
}

const EDITS_MAX = 1000; // of one part
const STEPS_MAX = 20_000_000; // of all parts together: a tenth of a second or two

/** Digits made alike, so that times, counters and addresses do not make every line another one. */
export const withoutNumbers = (line: string) =>
  line.replace(/0x[0-9a-f]+|\b(?=[0-9a-f-]*\d)[0-9a-f]{4,}(-[0-9a-f]{4,})*\b|\d+/gi, "#");

class Differ {
  readonly changes: Change[] = [];
  isRough = false;
  private steps = 0;
  constructor(
    private readonly a: Int32Array,
    private readonly b: Int32Array,
  ) {}

  private add(kind: Change["kind"], a: number, b: number, count: number): void {
    if (!count) return;
    const last = this.changes.at(-1);
    if (last && last.kind === kind) last.count += count;
    else this.changes.push({ kind, a, b, count });
  }

  /** a[a0…a1) against b[b0…b1) */
  part(a0: number, a1: number, b0: number, b1: number): void {
    let head = 0;
    while (a0 + head < a1 && b0 + head < b1 && this.a[a0 + head] === this.b[b0 + head]) head++;
    this.add("same", a0, b0, head);
    a0 += head;
    b0 += head;
    let tail = 0;
    while (a1 - tail > a0 && b1 - tail > b0 && this.a[a1 - tail - 1] === this.b[b1 - tail - 1]) tail++;
    a1 -= tail;
    b1 -= tail;
    if (a0 === a1 || b0 === b1) this.replace(a0, a1, b0, b1);
    else {
      const anchors = this.anchors(a0, a1, b0, b1);
      if (anchors.length) this.between(anchors, a0, a1, b0, b1);
      else this.shortest(a0, a1, b0, b1);
    }
    this.add("same", a1, b1, tail);
  }

  private replace(a0: number, a1: number, b0: number, b1: number): void {
    this.add("removed", a0, b0, a1 - a0);
    this.add("added", a1, b0, b1 - b0);
  }

  private between(anchors: [number, number][], a0: number, a1: number, b0: number, b1: number): void {
    for (const [a, b] of anchors) {
      this.part(a0, a, b0, b);
      this.add("same", a, b, 1);
      a0 = a + 1;
      b0 = b + 1;
    }
    this.part(a0, a1, b0, b1);
  }

  /** Lines that come once in each part, as many as keep the same order in both. */
  private anchors(a0: number, a1: number, b0: number, b1: number): [number, number][] {
    const places = new Map<number, { a: number; b: number }>(); // -1: none; -2: several
    for (let i = a0; i < a1; i++) {
      const line = this.a[i] as number;
      const old = places.get(line);
      if (old) old.a = -2;
      else places.set(line, { a: i, b: -1 });
    }
    for (let i = b0; i < b1; i++) {
      const old = places.get(this.b[i] as number);
      if (old) old.b = old.b === -1 ? i : -2;
    }
    const pairs = [...places.values()].filter((p) => p.a >= 0 && p.b >= 0);
    return longestAscending(pairs.map((p) => [p.a, p.b]));
  }

  /** Myers: the fewest lines removed and added. */
  private shortest(a0: number, a1: number, b0: number, b1: number): void {
    const n = a1 - a0;
    const m = b1 - b0;
    const most = Math.min(n + m, EDITS_MAX);
    const trace: Int32Array[] = [];
    let reach = new Int32Array(2 * most + 3);
    const middle = most + 1;
    for (let d = 0; d <= most; d++) {
      trace.push(reach.slice(middle - d - 1, middle + d + 2));
      for (let k = -d; k <= d; k += 2) {
        const down =
          k === -d || (k !== d && (reach[middle + k - 1] as number) < (reach[middle + k + 1] as number));
        let x = down ? (reach[middle + k + 1] as number) : (reach[middle + k - 1] as number) + 1;
        while (x < n && x - k < m && this.a[a0 + x] === this.b[b0 + x - k]) {
          x++;
          this.steps++;
        }
        reach[middle + k] = x;
        this.steps++;
        if (x >= n && x - k >= m) {
          this.walkBack(trace, d, a0, b0, n, m);
          return;
        }
      }
      if (this.steps > STEPS_MAX) break;
    }
    reach = new Int32Array(0);
    this.isRough = true;
    this.replace(a0, a1, b0, b1);
  }

  private walkBack(trace: Int32Array[], edits: number, a0: number, b0: number, n: number, m: number): void {
    const moves: Change[] = [];
    let x = n;
    let y = m;
    for (let d = edits; d > 0; d--) {
      const reach = trace[d] as Int32Array; // of step d − 1, from diagonal −d − 1 on
      const at = (k: number) => reach[k + d + 1] as number;
      const k = x - y;
      const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
      const from = down ? k + 1 : k - 1;
      const px = at(from);
      const py = px - from;
      const same = down ? x - px : x - px - 1;
      if (same > 0) moves.push({ kind: "same", a: a0 + x - same, b: b0 + y - same, count: same });
      moves.push({ kind: down ? "added" : "removed", a: a0 + px, b: b0 + py, count: 1 });
      x = px;
      y = py;
    }
    if (x > 0) moves.push({ kind: "same", a: a0, b: b0, count: x });
    for (const move of moves.reverse()) this.add(move.kind, move.a, move.b, move.count);
  }
}

/** Of pairs in ascending order of the first: the most of them that ascend in the second, too. */
function longestAscending(pairs: [number, number][]): [number, number][] {
  const ends: number[] = []; // the pair that ends the best chain of each length
  const before: number[] = [];
  for (const [i, pair] of pairs.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((pairs[ends[mid] as number] as [number, number])[1] < pair[1]) low = mid + 1;
      else high = mid;
    }
    before[i] = low ? (ends[low - 1] as number) : -1;
    ends[low] = i;
  }
  const chain: [number, number][] = [];
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i] as number) chain.push(pairs[i] as [number, number]);
  return chain.reverse();
}

export function diffLines(
  before: readonly string[],
  after: readonly string[],
  keyOf = (line: string) => line,
): Diff {
  const ids = new Map<string, number>();
  const idOf = (line: string) => {
    const key = keyOf(line);
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = ids.size));
    return id;
  };
  const differ = new Differ(Int32Array.from(before, idOf), Int32Array.from(after, idOf));
  differ.part(0, before.length, 0, after.length);
  return { changes: differ.changes, isRough: differ.isRough };
}

/** A row of the two outputs beside each other; places from 0, null: nothing on this side. */
export interface DiffRow {
  kind: "same" | "changed" | "removed" | "added" | "hidden";
  a: number | null;
  b: number | null;
  /** hidden: so many equal lines */
  count?: number;
}

/** Rows for showing; with `context` equal lines farther from a change than that are one row. */
export function diffRows(changes: readonly Change[], context: number | null): DiffRow[] {
  const rows: DiffRow[] = [];
  for (let i = 0; i < changes.length; i++) {
    const c = changes[i] as Change;
    if (c.kind === "same") {
      pushSame(rows, c, context, i === 0, i === changes.length - 1);
      continue;
    }
    const next = changes[i + 1];
    const pair = c.kind === "removed" && next?.kind === "added" ? next : null;
    const both = pair ? Math.min(c.count, pair.count) : 0;
    for (let k = 0; k < both; k++) rows.push({ kind: "changed", a: c.a + k, b: (pair as Change).b + k });
    for (let k = both; k < c.count; k++)
      rows.push(
        c.kind === "removed"
          ? { kind: "removed", a: c.a + k, b: null }
          : { kind: "added", a: null, b: c.b + k },
      );
    if (!pair) continue;
    for (let k = both; k < pair.count; k++) rows.push({ kind: "added", a: null, b: pair.b + k });
    i++;
  }
  return rows;
}

function pushSame(
  rows: DiffRow[],
  c: Change,
  context: number | null,
  isFirst: boolean,
  isLast: boolean,
): void {
  const head = isFirst ? 0 : (context ?? 0);
  const tail = isLast ? 0 : (context ?? 0);
  const hidden = context === null ? 0 : c.count - head - tail;
  const push = (from: number, to: number) => {
    for (let k = from; k < to; k++) rows.push({ kind: "same", a: c.a + k, b: c.b + k });
  };
  if (hidden < 2) return push(0, c.count);
  push(0, head);
  rows.push({ kind: "hidden", a: c.a + head, b: c.b + head, count: hidden });
  push(c.count - tail, c.count);
}

/** How many lines came and went. */
export function countChanges(changes: readonly Change[]): { added: number; removed: number } {
  const sum = (kind: Change["kind"]) =>
    changes.reduce((total, c) => total + (c.kind === kind ? c.count : 0), 0);
  return { added: sum("added"), removed: sum("removed") };
}
