// The one input of every list: the filter language with suggestions. The address keeps what it says (?q=); the server
// reads it and points at what it does not understand.
import { signal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type ApiError, call } from "../api/client";
import { session } from "../api/state";
import { suggest, type FilterKey, type Suggestion } from "../base/filter";
import { query, setQuery } from "../base/url";
import { words } from "../words";
import { filterWords } from "../words/filter";
import { Button } from "./button";
import { Icon } from "./icon";
import "../style/filter.css";

export type FilterList = "jobs" | "runs" | "worlds" | "audit";
interface Filters {
  lists: { list: string; keys: FilterKey[] }[];
  seen: Record<string, string[]>;
}

const filters = signal<Filters | null>(null);
let lastAsked: { who: unknown; at: number } | null = null;
const FRESH_MS = 60_000; // tags and owners seen come and go

/** Values seen are of the account that lastAsked, and soon old. */
async function loadFilters(): Promise<void> {
  const who = session.peek()?.actor;
  if (lastAsked && lastAsked.who === who && performance.now() - lastAsked.at < FRESH_MS) return;
  if (lastAsked?.who !== who) filters.value = null;
  lastAsked = { who, at: performance.now() };
  try {
    filters.value = (await call("GET /api/cron/filters")) as unknown as Filters;
  } catch {
    lastAsked = null; // suggestions are a help; the next focus asks again
  }
}

/** Waits until somebody stops typing before the address changes. */
const TYPING_MS = 180;

export function FilterBox(props: {
  list: FilterList;
  placeholder: string;
  /** What the server says about the filter in the address. */
  error?: ApiError | null;
}) {
  const asked = query.value.get("q") ?? "";
  const [text, setText] = useState(asked);
  const [options, setOptions] = useState<readonly Suggestion[]>([]);
  const [at, setAt] = useState(-1);
  const sent = useRef(asked);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const t = filterWords();

  useEffect(() => {
    if (asked === sent.current) return; // our own change comes back
    clearTimeout(timer.current); // what was being typed is not what one asked for in another way
    sent.current = asked;
    setText(asked);
  }, [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const send = (value: string) => {
    clearTimeout(timer.current);
    sent.current = value.trim();
    setQuery({ q: sent.current });
  };
  const offer = (value: string, caret: number) => {
    const known = filters.value;
    const keys = known?.lists.find((l) => l.list === props.list)?.keys ?? [];
    const help = (key: FilterKey) => (t.keys as Record<string, string>)[key.name] ?? key.help;
    setOptions(known ? suggest(value, caret, { keys, seen: known.seen, help }) : []);
    setAt(-1);
  };
  const type = (value: string, caret: number) => {
    setText(value);
    offer(value, caret);
    clearTimeout(timer.current);
    if (!/[:~<>=,"]$/.test(value)) timer.current = setTimeout(() => send(value), TYPING_MS); // else it is not said yet
  };
  const take = (option: Suggestion) => {
    type(option.value, option.caret);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(option.caret, option.caret);
    });
  };
  const open = () => {
    void loadFilters().then(() => {
      const field = input.current;
      if (field && document.activeElement === field)
        offer(field.value, field.selectionStart ?? field.value.length);
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1 + options.length,
    };
    const to = moves[event.key];
    const chosen = options[at];
    if (event.key === "Escape" && options.length) setOptions([]);
    else if (event.key === "Escape") input.current?.blur();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen) take(chosen);
    else if (event.key === "Enter") {
      setOptions([]);
      send(text);
    } else if (to !== undefined && options.length) setAt(to % options.length);
    else return;
    if (event.key !== "Escape" || options.length) event.preventDefault();
    event.stopPropagation();
  };
  const error = props.error?.field === "q" ? props.error : null;
  return (
    <div class="filter-box">
      <div class={`filter-field ${error ? "wrong" : ""}`}>
        <Icon name="search" />
        <input
          ref={input}
          data-filter
          role="combobox"
          aria-label={t.label}
          aria-expanded={options.length > 0}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={props.placeholder}
          value={text}
          onInput={(e) => type(e.currentTarget.value, e.currentTarget.selectionStart ?? 0)}
          onFocus={open}
          onClick={open}
          onBlur={() => setOptions([])}
          onKeyDown={onKeyDown}
        />
        {text && (
          <Button
            kind="quiet"
            icon="x"
            label={words().actions.clear}
            onClick={() => {
              setText("");
              send("");
              input.current?.focus();
            }}
          />
        )}
        <kbd aria-hidden="true">/</kbd>
      </div>
      <ul
        class="filter-options"
        role="listbox"
        id={id}
        aria-label={t.suggestions}
        hidden={options.length === 0}
      >
        {options.map((option, i) => (
          <li
            key={option.text}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={(event) => {
              event.preventDefault(); // the input keeps the focus
              take(option);
            }}
          >
            <code>{option.text}</code>
            <span class="quiet">{option.note}</span>
          </li>
        ))}
      </ul>
      {error && (
        <p class="error" id={`${id}-error`} role="alert">
          {error.column ? t.column(error.column) : ""}
          {error.message}
          {error.hint ? ` · ${error.hint}` : ""}
        </p>
      )}
    </div>
  );
}
