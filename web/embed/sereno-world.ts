// <world-paused-banner> and <world-paused-badge>: tell a visitor of somebody else's page that a world sleeps, and wake
// it. One file without dependencies. It never holds a secret: `endpoint` is a route of the host application, which asks
// Sereno from server to server (docs/embed.md).

export type PauseReason =
  "inactivity_24h" | "inactivity_7d" | "inactivity_30d" | "manual" | "system" | "vacation";

/** The words of one language; `{}` is the world's name or a date. */
export interface Locale {
  title: string;
  /** Its name when it has none. */
  unnamed: string;
  since: string;
  deletion: string;
  resume: string;
  busy: string;
  failed: string;
  /** Follows every reason but inactivity_30d. */
  kept: string;
  /** The badge without a reason. */
  paused: string;
  reasons: Record<PauseReason, string>;
  badges: Record<PauseReason, string>;
}

const locales: Record<string, Locale> = {
  es: {
    title: "{} está en pausa",
    unnamed: "Este mundo",
    since: "En pausa desde el {}.",
    deletion: "Se eliminará el {} si nadie lo reactiva.",
    resume: "Reactivar mundo",
    busy: "Reactivando…",
    failed: "No se pudo reactivar. Nada se ha perdido: vuelve a intentarlo.",
    kept: " Todo se conserva tal como estaba.",
    paused: "En pausa",
    reasons: {
      inactivity_24h: "Lleva más de un día sin actividad.",
      inactivity_7d: "Archivado tras una semana sin actividad.",
      inactivity_30d: "Lleva más de un mes sin actividad.",
      manual: "Se pausó a mano.",
      system: "Lo pausó el sistema.",
      vacation: "Está de vacaciones.",
    },
    badges: {
      inactivity_24h: "En pausa · 24 h",
      inactivity_7d: "Archivado · 7 d",
      inactivity_30d: "Se eliminará · 30 d",
      manual: "En pausa · a mano",
      system: "En pausa · sistema",
      vacation: "De vacaciones",
    },
  },
  en: {
    title: "{} is paused",
    unnamed: "This world",
    since: "Paused since {}.",
    deletion: "It will be deleted on {} unless somebody resumes it.",
    resume: "Resume world",
    busy: "Resuming…",
    failed: "It could not be resumed. Nothing is lost: try again.",
    kept: " Everything is kept as it was.",
    paused: "Paused",
    reasons: {
      inactivity_24h: "There was no activity for more than a day.",
      inactivity_7d: "Archived after a week without activity.",
      inactivity_30d: "There was no activity for more than a month.",
      manual: "It was paused by hand.",
      system: "The system paused it.",
      vacation: "It is on vacation.",
    },
    badges: {
      inactivity_24h: "Paused · 24 h",
      inactivity_7d: "Archived · 7 d",
      inactivity_30d: "To be deleted · 30 d",
      manual: "Paused · by hand",
      system: "Paused · system",
      vacation: "On vacation",
    },
  },
};

/** Adds a language, or replaces the words of one; elements drawn later use it. */
export function registerLocale(language: string, words: Locale): void {
  locales[language] = words;
}

const CSS = `
:host{display:block;font-family:var(--sereno-font,inherit)}
:host(world-paused-badge){display:inline-block}
:host([hidden]){display:none}
.box,.badge{--a:var(--sereno-accent,light-dark(#6641b5,#b79bff));--r:var(--sereno-radius,8px);display:flex;align-items:center;gap:5px;border-radius:var(--r);color:var(--sereno-fg,light-dark(#16181d,#e8eaee));background:var(--sereno-bg,light-dark(#efe9fb,#241d38))}
.box{flex-wrap:wrap;gap:12px 16px;padding:14px 16px;font-size:15px;line-height:1.45}
.words{flex:1 1 260px;min-width:0;overflow-wrap:anywhere}
.title{font-size:16px}
.title,.error,.badge,button{font-weight:600}
p{margin:2px 0 0}
svg{flex:none;width:1.4em;height:1.4em;fill:var(--a)}
button{min-height:44px;padding:8px 16px;border:0;border-radius:var(--r);font-family:inherit;font-size:15px;cursor:pointer;color:var(--sereno-on-accent,light-dark(#fff,#0e1116));background:var(--a)}
button:focus-visible{outline:2px solid;outline-offset:2px;box-shadow:0 0 0 4px var(--a)}
button[aria-disabled]{opacity:.75;cursor:progress}
.badge{padding:2px 8px;font-size:12px;line-height:1.5}
.inactivity_7d{background:var(--sereno-bg,light-dark(#e6e9f2,#20283a))}
.inactivity_30d{background:var(--sereno-bg,light-dark(#fde7e4,#34181a))}
.manual,.system,.vacation{background:var(--sereno-bg,light-dark(#fff,#151a21));box-shadow:inset 0 0 0 1.5px var(--a)}
.manual svg{transform:scaleX(-1)}
.none{background:var(--sereno-bg,light-dark(#ecece7,#232933))}
`;

let sheet: CSSStyleSheet | undefined;

/** One sheet for all elements; made late, because a server that renders pages has no CSSStyleSheet. */
function style(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}

const SHAPES: Record<string, string> = {
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  box: "M3 4h18v4H3zM4.5 9.5h15V20h-15zM10 12v2h4v-2z",
  warning: "M12 3L22.5 21h-21zM11 10v5h2v-5zM11 16.5v2h2v-2z",
};

function setAll(to: Element, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) to.setAttribute(name, value);
}

function icon(name: string): SVGElement {
  const make = (tag: "svg" | "path") => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const svg = make("svg");
  const path = make("path");
  setAll(svg, { viewBox: "0 0 24 24", "aria-hidden": "true" });
  setAll(path, { d: SHAPES[name] ?? "", "fill-rule": "evenodd" });
  svg.append(path);
  return svg;
}

/** The first of its classes is its part, too. */
function element(tag: string, className: string, text = "", attributes = {}): HTMLElement {
  const made = document.createElement(tag);
  setAll(made, { class: className, part: className.split(" ")[0] ?? "", ...attributes });
  made.textContent = text;
  return made;
}

const fill = (text: string, value: string) => text.replace("{}", () => value);

// On a server that renders pages there are no elements to extend; importing the module must still work.
const Base = (typeof HTMLElement === "undefined" ? class {} : HTMLElement) as typeof HTMLElement;

const ATTRIBUTES = [
  "world-id",
  "world-name",
  "pause-reason",
  "paused-at",
  "deletion-at",
  "can-resume",
  "heading-level",
  "endpoint",
  "lang",
];

/** What banner and badge share: attributes as properties, language, drawing when something changes. */
abstract class WorldElement extends Base {
  static observedAttributes = ATTRIBUTES;
  protected readonly root: ShadowRoot;

  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [style()];
  }
  connectedCallback(): void {
    this.draw();
  }
  attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
    if (before !== now && this.isConnected) this.draw();
  }
  protected abstract draw(): void;

  /** An unknown or missing reason is null; what it then means is the element's. */
  protected get reason(): PauseReason | null {
    const given = this.getAttribute("pause-reason") as PauseReason;
    return Object.hasOwn(this.words.reasons, given) ? given : null;
  }
  /** The attribute, else the nearest [lang], else the browser's language; Spanish when none is known. */
  protected get language(): string {
    const asked =
      this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang") || navigator.language;
    return [asked, asked.slice(0, 2)].find((l) => Object.hasOwn(locales, l)) ?? "es";
  }
  protected get words(): Locale {
    return locales[this.language] as Locale;
  }
  /** A date in words; "" when there is none or it is not one. */
  protected date(attribute: string): string {
    const ms = Date.parse(this.getAttribute(attribute) ?? "");
    if (Number.isNaN(ms)) return "";
    return new Intl.DateTimeFormat(this.language, { dateStyle: "long", timeStyle: "short" }).format(ms);
  }
}

/** The attributes as properties, so that frameworks may set either: worldId is world-id. (`lang` is one already.) */
for (const attribute of ATTRIBUTES.slice(0, -1))
  Object.defineProperty(
    WorldElement.prototype,
    attribute.replace(/-./g, (dash) => dash.slice(1).toUpperCase()),
    {
      get(this: HTMLElement) {
        return this.getAttribute(attribute) ?? "";
      },
      set(this: HTMLElement, value: unknown) {
        if (value == null) this.removeAttribute(attribute);
        else this.setAttribute(attribute, String(value));
      },
    },
  );

/** What a listener of `resume` gets. With `waitUntil` the host resumes the world itself and the banner waits for it. */
export interface ResumeDetail {
  worldId: string;
  waitUntil(resumed: Promise<unknown>): void;
}

export class WorldPausedBanner extends WorldElement {
  private state: "idle" | "busy" | "done" | "failed" = "idle";
  /** Counts the worlds, and sleeps of one, that it has told of. */
  private begun = 0;
  private button: HTMLElement | undefined;
  private status: HTMLElement | undefined;

  /** Resumes as a click does: event `resume`, then the host's promise or a POST to `endpoint`. */
  async resume(): Promise<void> {
    if (this.state === "busy" || this.state === "done") return;
    const worldId = this.getAttribute("world-id") ?? "";
    let work: Promise<unknown> | undefined;
    const detail: ResumeDetail = { worldId, waitUntil: (resumed) => void (work = resumed) };
    const isOurs = this.tell("resume", detail);
    const endpoint = this.getAttribute("endpoint");
    if (!work && isOurs && endpoint) work = this.post(endpoint, worldId);
    if (!work) return; // the host does it in its own way
    const mine = this.begun; // meanwhile the banner may have become that of another world
    this.show("busy");
    try {
      await work;
      if (mine === this.begun) this.show("done");
      this.tell("sereno-resumed", { worldId });
    } catch (error) {
      if (mine === this.begun) this.show("failed");
      this.tell("sereno-error", { worldId, error });
    }
  }

  private async post(endpoint: string, worldId: string): Promise<void> {
    const answer = await fetch(endpoint, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ worldId }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
  }

  /** Whether nobody has prevented what would follow. */
  private tell(name: string, detail: object): boolean {
    return this.dispatchEvent(
      new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }),
    );
  }

  /** In place: the button keeps the focus, and the status is a region that was there before its words. */
  private show(state: WorldPausedBanner["state"]): void {
    this.state = state;
    if (state === "done") {
      this.root.replaceChildren();
      this.hidden = true;
      return;
    }
    const t = this.words;
    if (this.status) this.status.textContent = state === "failed" ? t.failed : "";
    if (!this.button) return;
    this.button.textContent = state === "busy" ? t.busy : t.resume;
    this.button.ariaDisabled = state === "busy" ? "true" : null;
  }

  protected draw(): void {
    const t = this.words;
    const name = this.getAttribute("world-name");
    const reason = this.reason ?? "manual";
    const box = element("section", "banner box", "", { role: "region", "aria-labelledby": "title" });
    const words = element("div", "words");
    words.append(
      element("div", "title", fill(t.title, name ? `«${name}»` : t.unnamed), {
        id: "title",
        role: "heading",
        "aria-level": this.getAttribute("heading-level") ?? "2",
      }),
      element("p", "reason", t.reasons[reason] + (reason === "inactivity_30d" ? "" : t.kept)),
    );
    const since = this.date("paused-at");
    const deletion = this.date("deletion-at");
    if (since) words.append(element("p", "since", fill(t.since, since)));
    if (deletion) words.append(element("p", "deletion", fill(t.deletion, deletion)));
    this.status = element("p", "error", "", { role: "status" });
    words.append(this.status);
    box.append(icon("moon"), words);
    this.button = undefined;
    if (this.getAttribute("can-resume") !== "false") box.append((this.button = this.makeButton(t)));
    this.root.replaceChildren(box);
    this.show(this.state);
  }

  private makeButton(t: Locale): HTMLElement {
    const button = element("button", "button", t.resume, { type: "button" });
    button.addEventListener("click", () => void this.resume());
    return button;
  }

  /** Another world, or the same one asleep again: the banner begins anew. */
  override attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    const isAnew = before !== now && (name === "world-id" || name === "paused-at");
    if (isAnew && this.state === "done") this.hidden = false;
    if (isAnew) {
      this.state = "idle";
      this.begun++;
    }
    if (this.state !== "done") super.attributeChangedCallback(name, before, now);
  }
}

export class WorldPausedBadge extends WorldElement {
  protected draw(): void {
    const { reason, words } = this;
    const text = reason ? words.badges[reason] : words.paused;
    const shape = reason === "inactivity_30d" ? "warning" : reason === "inactivity_7d" ? "box" : "moon";
    const name = this.getAttribute("world-name");
    const badge = element("span", `badge ${reason ?? "none"}`, "", {
      role: "img",
      "aria-label": name ? `${name}: ${text}` : text,
    });
    badge.append(icon(shape), text);
    this.root.replaceChildren(badge);
  }
}

if (typeof customElements !== "undefined")
  for (const [name, type] of [
    ["world-paused-banner", WorldPausedBanner],
    ["world-paused-badge", WorldPausedBadge],
  ] as const)
    if (!customElements.get(name)) customElements.define(name, type);
