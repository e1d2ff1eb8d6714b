// One line of output. Its text comes from a program nobody vouches for: it is only ever shown as text.
import type { CSSProperties } from "preact";
import { href, path, query } from "../base/url";
import { bytes } from "../base/format";
import { language } from "../words";
import { runWords } from "../words/run";
import { parseAnsi, type Piece, type Style } from "./ansi";
import type { LogLine } from "./store";

const parsed = new WeakMap<LogLine, Piece[]>();
function piecesOf(line: LogLine): Piece[] {
  let pieces = parsed.get(line);
  if (!pieces) parsed.set(line, (pieces = parseAnsi(line.text)));
  return pieces;
}

function classOf(style: Style): string {
  const { inverse } = style;
  const [fg, bg] = inverse ? [style.bg ?? "inverse", style.fg ?? "inverse"] : [style.fg, style.bg];
  const names: string[] = [];
  if (typeof fg === "number") names.push(`c${fg}`);
  else if (fg === "inverse") names.push("c-under");
  else if (fg) names.push("c-own");
  if (typeof bg === "number") names.push(`b${bg}`);
  else if (bg === "inverse") names.push("b-over");
  else if (bg) names.push("b-own");
  for (const key of ["bold", "dim", "italic", "underline", "strike"] as const)
    if (style[key]) names.push(key);
  return names.join(" ");
}

/** Colours that are not of the palette go by a property; the style sheet keeps them readable in both themes. */
function ownColours(style: Style): CSSProperties | undefined {
  const [fg, bg] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  const own: Record<string, string> = {};
  if (typeof fg === "string") own["--own"] = fg;
  if (typeof bg === "string") own["--own-bg"] = bg;
  return Object.keys(own).length ? (own as CSSProperties) : undefined;
}

/** The text cut where the search matches, whatever the case. */
export function cutAtMatches(text: string, needle: string): { text: string; isMatch: boolean }[] {
  if (!needle) return [{ text, isMatch: false }];
  const low = text.toLowerCase();
  const small = needle.toLowerCase();
  if (low.length !== text.length) return [{ text, isMatch: false }];
  const parts: { text: string; isMatch: boolean }[] = [];
  let at = 0;
  for (let i = low.indexOf(small); i >= 0 && parts.length < 40; i = low.indexOf(small, at)) {
    if (i > at) parts.push({ text: text.slice(at, i), isMatch: false });
    parts.push({ text: text.slice(i, i + small.length), isMatch: true });
    at = i + small.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), isMatch: false });
  return parts;
}

const marked = (text: string, needle: string) =>
  needle
    ? cutAtMatches(text, needle).map((part, i) =>
        part.isMatch ? <mark key={i}>{part.text}</mark> : part.text,
      )
    : text;

function ShownPiece({ piece, needle }: { piece: Piece; needle: string }) {
  const t = runWords().log;
  if (piece.mark)
    return (
      <span class="char" title={t.mark(piece.mark)}>
        {piece.text}
      </span>
    );
  const text = marked(piece.text, needle);
  const style = piece.style;
  const name = style ? classOf(style) : undefined;
  if (piece.link) {
    const host = new URL(piece.link).host;
    return (
      <>
        <a
          class={name}
          href={piece.link}
          target="_blank"
          rel="noopener noreferrer nofollow"
          title={piece.link}
        >
          {text}
        </a>
        {!piece.text.includes(host) && <span class="host">[{host}]</span>}
      </>
    );
  }
  if (!style) return <>{text}</>;
  const own = ownColours(style);
  return (
    <span class={name} {...(own ? { style: own } : {})}>
      {text}
    </span>
  );
}

/** "04.112", "7:20.004": after the start. */
export function sinceText(ms: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const s = Math.floor(ms / 1000);
  const clock = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${clock}` : clock;
}

/** The address of a line of the page shown. */
export const lineLink = (line: number) =>
  `${href(path.value)}${query.value.size ? `?${query.value.toString()}` : ""}#L${line}`;

export function LogRow(props: {
  number: number;
  line: LogLine | undefined;
  hasTimes: boolean;
  needle: string;
  isCurrent: boolean;
}) {
  const { number, line } = props;
  const shown = line ? piecesOf(line) : [];
  const more = line ? line.bytes - line.text.length : 0;
  const isCut = line !== undefined && line.text.length >= 16_000 && more > 100;
  return (
    <div
      class={`log-row${line?.looksWrong ? " wrong" : ""}${props.isCurrent ? " current" : ""}`}
      data-line={number}
    >
      <a class="log-number" href={lineLink(number)} aria-current={props.isCurrent ? "true" : undefined}>
        {number}
      </a>
      {props.hasTimes && <span class="log-time">{line && line.ms !== null ? sinceText(line.ms) : ""}</span>}
      <span class="log-text" dir="ltr">
        {line ? shown.map((piece, i) => <ShownPiece key={i} piece={piece} needle={props.needle} />) : ""}
        {isCut && <span class="cut-line">{runWords().log.cutLine(bytes(language.value, more))}</span>}
      </span>
    </div>
  );
}
