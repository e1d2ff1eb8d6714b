// A line of a program's output, made of pieces that can be shown as text: colours of terminals become styles, progress
// lines are as the terminal would leave them, links are http(s) only. Everything else that would act on a terminal or
// on the order of letters is stripped, or shown as a mark that does nothing. Pure; the output is hostile until shown.

export interface Style {
  /** 0…15 of the palette, or "#rrggbb" */
  fg?: number | string;
  bg?: number | string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}
export interface Piece {
  text: string;
  style: Style | null;
  /** http(s) address of a link */
  link?: string;
  /** A control or formatting character: `text` is a picture of it, this its name ("U+202E"). */
  mark?: string;
}

/** More pieces than that in one line are joined, so that no line can fill the page with elements. */
export const PIECES_MAX = 32;
const COLUMNS_MAX = 20_000;

/** Controls, what turns the order of letters around, and what is not seen. Joiners stay: emoji are made with them. */
const SPECIAL =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\udb40][\udc00-\udfff]/;

const hex = (n: number) => n.toString(16).padStart(2, "0");

/** "#rrggbb" of the 256 colours above the palette. */
function colour256(n: number): number | string {
  if (n < 16) return n;
  if (n >= 232) return `#${hex(8 + (n - 232) * 10).repeat(3)}`;
  const level = (v: number) => hex(v ? 55 + v * 40 : 0);
  const c = n - 16;
  return `#${level(Math.floor(c / 36))}${level(Math.floor(c / 6) % 6)}${level(c % 6)}`;
}

/** 38;5;n and 38;2;r;g;b (with ';' or ':'): the colour and how many parameters it took. */
function extendedColour(params: readonly number[], at: number): { colour?: number | string; used: number } {
  const within = (n: number | undefined): n is number => n !== undefined && n >= 0 && n <= 255;
  const [kind, a, b, c] = params.slice(at, at + 4);
  if (kind === 5) return within(a) ? { colour: colour256(a), used: 2 } : { used: 2 };
  if (kind === 2)
    return within(a) && within(b) && within(c)
      ? { colour: `#${hex(a)}${hex(b)}${hex(c)}`, used: 4 }
      : { used: 4 };
  return { used: 1 };
}

/** The style after "ESC [ params m". */
export function afterSgr(old: Style, params: readonly number[]): Style {
  let s: Style = { ...old };
  const list = params.length ? params : [0];
  for (let i = 0; i < list.length; i++) {
    const p = list[i] ?? 0;
    if (p === 0) s = {};
    else if (p === 1) s.bold = true;
    else if (p === 2) s.dim = true;
    else if (p === 3) s.italic = true;
    else if (p === 4 || p === 21) s.underline = true;
    else if (p === 7) s.inverse = true;
    else if (p === 9) s.strike = true;
    else if (p === 22) {
      delete s.bold;
      delete s.dim;
    } else if (p === 23) delete s.italic;
    else if (p === 24) delete s.underline;
    else if (p === 27) delete s.inverse;
    else if (p === 29) delete s.strike;
    else if (p >= 30 && p <= 37) s.fg = p - 30;
    else if (p === 39) delete s.fg;
    else if (p >= 40 && p <= 47) s.bg = p - 40;
    else if (p === 49) delete s.bg;
    else if (p >= 90 && p <= 97) s.fg = p - 82;
    else if (p >= 100 && p <= 107) s.bg = p - 92;
    else if (p === 38 || p === 48) {
      const { colour, used } = extendedColour(list, i + 1);
      if (colour !== undefined) s[p === 38 ? "fg" : "bg"] = colour;
      i += used;
    }
  }
  return s;
}

/** http(s) with a host, in its normal form; null for anything else. */
export function safeLink(address: string): string | null {
  if (address.length > 2000) return null;
  try {
    const url = new URL(address);
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    if (url.username || url.password) return null;
    return url.href;
  } catch {
    return null;
  }
}

interface Cell {
  char: string;
  style: Style | null;
  link: string | null;
  mark: string | null;
}
const isSame = (a: Cell, b: Cell) =>
  a.link === b.link &&
  a.mark === b.mark &&
  (a.style === b.style || JSON.stringify(a.style) === JSON.stringify(b.style));

/** A picture of a character that would do something: ^G for controls, the code's name for the invisible ones. */
function picture(char: string): { text: string; mark: string } {
  const code = char.codePointAt(0) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  if (code < 0x20) return { text: `^${String.fromCharCode(code + 0x40)}`, mark: name };
  if (code === 0x7f) return { text: "^?", mark: name };
  return { text: `⟨${name}⟩`, mark: name };
}

/** A line as a terminal of one line: what is written where, in which style. */
class Line {
  readonly cells: Cell[] = [];
  at = 0;
  style: Style = {};
  link: string | null = null;

  put(char: string): void {
    if (this.at >= COLUMNS_MAX) return;
    const style = Object.keys(this.style).length ? this.style : null;
    const isMark = SPECIAL.test(char);
    const shown = isMark ? picture(char) : { text: char, mark: null };
    while (this.cells.length < this.at) this.cells.push({ char: " ", style: null, link: null, mark: null });
    this.cells[this.at++] = { char: shown.text, style, link: this.link, mark: shown.mark };
  }

  private erase(from: number, to: number): void {
    for (let i = from; i < to && i < this.cells.length; i++)
      this.cells[i] = { char: " ", style: null, link: null, mark: null };
    if (to >= this.cells.length) this.cells.length = Math.min(this.cells.length, from);
  }

  control(final: string, params: readonly number[]): void {
    const n = Math.min(COLUMNS_MAX, Math.max(1, params[0] ?? 1));
    if (final === "m") this.style = afterSgr(this.style, params);
    else if (final === "K") {
      const kind = params[0] ?? 0;
      if (kind === 0) this.erase(this.at, Infinity);
      else if (kind === 1) this.erase(0, this.at + 1);
      else if (kind === 2) this.erase(0, Infinity);
    } else if (final === "G") this.at = n - 1;
    else if (final === "D") this.at = Math.max(0, this.at - n);
    else if (final === "C") this.at = Math.min(COLUMNS_MAX, this.at + n);
  }

  pieces(): Piece[] {
    const pieces: Piece[] = [];
    let last: Cell | undefined;
    for (const [i, cell] of this.cells.entries()) {
      const piece = pieces.at(-1);
      if (piece && last && isSame(cell, last)) piece.text += cell.char;
      else if (pieces.length === PIECES_MAX) {
        const rest = this.cells.slice(i);
        pieces.push({ text: rest.map((c) => c.char).join(""), style: null });
        break;
      } else {
        const next: Piece = { text: cell.char, style: cell.style };
        if (cell.link) next.link = cell.link;
        if (cell.mark) next.mark = cell.mark;
        pieces.push(next);
      }
      last = cell;
    }
    return pieces;
  }
}

const numbers = (text: string) =>
  text === "" ? [] : text.split(/[;:]/).map((n) => (n === "" ? 0 : Math.min(Number(n), 100_000)));

/** One escape sequence at `i` (an ESC): obeyed or stripped; gives where it ends. */
function sequence(line: Line, text: string, i: number): number {
  const kind = text[i + 1];
  if (kind === "[") {
    const end = /[^\u0020-\u003f]/g;
    end.lastIndex = i + 2;
    const found = end.exec(text);
    if (!found) return text.length;
    const params = text.slice(i + 2, found.index);
    if (/^[\d;:]*$/.test(params)) line.control(found[0], numbers(params));
    return /[\u0040-\u007e]/.test(found[0]) ? found.index + 1 : found.index;
  }
  if (kind !== undefined && "]PX^_".includes(kind)) {
    const rest = text.slice(i + 2);
    const end = /\u0007|\u001b\\?|\u009c/.exec(rest);
    const body = end ? rest.slice(0, end.index) : rest;
    const link = kind === "]" ? /^8;[^;]*;(.*)$/s.exec(body) : null;
    if (link) line.link = link[1] ? safeLink(link[1]) : null;
    if (!end) return text.length;
    return i + 2 + end.index + (end[0] === "\u001b" ? 0 : end[0].length);
  }
  return Math.min(text.length, i + 2);
}

/** The line as pieces, at most PIECES_MAX and one. */
export function parseAnsi(text: string): Piece[] {
  if (!SPECIAL.test(text)) return text ? [{ text, style: null }] : [];
  const line = new Line();
  for (let i = 0; i < text.length;) {
    const char = text[i] as string;
    if (char === "\u001b") i = sequence(line, text, i);
    else if (char === "\r") {
      line.at = 0;
      i++;
    } else if (char === "\b") {
      line.at = Math.max(0, line.at - 1);
      i++;
    } else {
      const whole = String.fromCodePoint(text.codePointAt(i) ?? 0xfffd);
      line.put(whole);
      i += whole.length;
    }
  }
  return line.pieces();
}

/** The text a person sees; for copying and comparing. */
export const plainText = (text: string) =>
  SPECIAL.test(text)
    ? parseAnsi(text)
        .map((p) => p.text)
        .join("")
    : text;
