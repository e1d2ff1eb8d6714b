// The head every page has: its title, one line under or beside it, its actions; and a panel, the only kind of box.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { words } from "../words";

export function Page(props: {
  title: string;
  /** Beside the title: what, when, which zone. */
  sub?: ComponentChildren;
  /** Above the title: where this lies ("Tareas / Limpieza"). */
  crumbs?: ComponentChildren;
  actions?: ComponentChildren;
  children?: ComponentChildren;
  /** A wide page may use the whole window. */
  isWide?: boolean;
}) {
  useEffect(() => {
    document.title = `${props.title} · ${words().app}`;
  }, [props.title]);
  return (
    <div class={`page ${props.isWide ? "wide" : ""}`}>
      <header class="page-head">
        <div class="page-title">
          {props.crumbs && (
            <nav class="crumbs" aria-label={words().nav.crumbs}>
              {props.crumbs}
            </nav>
          )}
          <h1>{props.title}</h1>
          {props.sub && <div class="page-sub">{props.sub}</div>}
        </div>
        {props.actions && <div class="page-actions">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

/** A box with a heading. */
export function Panel(props: {
  title?: ComponentChildren;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  children?: ComponentChildren;
  class?: string;
  level?: 2 | 3;
}) {
  const Heading = props.level === 3 ? "h3" : "h2";
  return (
    <section class={`panel ${props.class ?? ""}`}>
      {(props.title || props.actions) && (
        <header class="panel-head">
          {props.title && <Heading>{props.title}</Heading>}
          {props.note && <span class="panel-note">{props.note}</span>}
          {props.actions && <div class="panel-actions">{props.actions}</div>}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** Names and values, as many beside each other as fit. */
export function Facts({ facts }: { facts: readonly { name: string; value: ComponentChildren }[] }) {
  return (
    <dl class="facts">
      {facts.map((fact) => (
        <div key={fact.name}>
          <dt>{fact.name}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}
