// <world-paused-banner> and <world-paused-badge>: tell a visitor of somebody else's page that a world sleeps, and wake
// it. One file without dependencies. It never holds a secret: `endpoint` is a route of the host application, which asks
// Sereno from server to server (docs/embed.md).

const REASONS = [
  "inactivity_24h",
  "inactivity_7d",
  "inactivity_30d",
  "manual",
  "system",
  "vacation",
] as const;
export type PauseReason = (typeof REASONS)[number];

/** The words of one language; `{}` is the world's name or a date. */
export interface Locale {
  title: string;
  untitled: string;
  since: string;
  deletion: string;
  resume: string;
  busy: string;
  done: string;
  failed: string;
  paused: string;
  reasons: Record<PauseReason, string>;
  badges: Record<PauseReason, string>;
}

const locales: Record<string, Locale> = {
  es: {
    title: "{} está en pausa",
    untitled: "Este mundo está en pausa",
    since: "En pausa desde el {}.",
    deletion: "Se eliminará el {} si nadie lo reactiva.",
    resume: "Reactivar mundo",
    busy: "Reactivando…",
    done: "El mundo vuelve a estar despierto.",
    failed: "No se pudo reactivar. Nada se ha perdido: vuelve a intentarlo.",
    paused: "En pausa",
    reasons: {
      inactivity_24h: "Lleva más de un día sin actividad. Todo se conserva tal como estaba.",
      inactivity_7d: "Archivado tras una semana sin actividad. Todo se conserva tal como estaba.",
      inactivity_30d: "Lleva más de un mes sin actividad.",
      manual: "Se pausó a mano. Todo se conserva tal como estaba.",
      system: "Lo pausó el sistema. Todo se conserva tal como estaba.",
      vacation: "Está de vacaciones. Todo se conserva tal como estaba.",
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
    untitled: "This world is paused",
    since: "Paused since {}.",
    deletion: "It will be deleted on {} unless somebody resumes it.",
    resume: "Resume world",
    busy: "Resuming…",
    done: "The world is awake again.",
    failed: "It could not be resumed. Nothing is lost: try again.",
    paused: "Paused",
    reasons: {
      inactivity_24h: "There was no activity for more than a day. Everything is kept as it was.",
      inactivity_7d: "Archived after a week without activity. Everything is kept as it was.",
      inactivity_30d: "There was no activity for more than a month.",
      manual: "It was paused by hand. Everything is kept as it was.",
      system: "The system paused it. Everything is kept as it was.",
      vacation: "It is on vacation. Everything is kept as it was.",
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
:host([hidden]){display:none}
:host(world-paused-badge){display:inline-block}
.box,.badge{color:var(--sereno-fg,light-dark(#16181d,#e8eaee));background:var(--sereno-bg,light-dark(#efe9fb,#241d38))}
.box{display:flex;flex-wrap:wrap;align-items:center;gap:12px 16px;padding:14px 16px;border-radius:var(--sereno-radius,8px);font-size:15px;line-height:1.45}
.words{flex:1 1 260px;min-width:0;overflow-wrap:anywhere}
.title{font-size:16px;font-weight:600;margin:0}
p{margin:2px 0 0}
.error{font-weight:600}
svg{flex:none;width:1.4em;height:1.4em;fill:var(--sereno-accent,light-dark(#6641b5,#b79bff))}
button{min-height:44px;padding:8px 16px;border:0;border-radius:var(--sereno-radius,8px);font-family:inherit;font-size:15px;font-weight:600;cursor:pointer;color:var(--sereno-on-accent,light-dark(#fff,#0e1116));background:var(--sereno-accent,light-dark(#6641b5,#b79bff))}
button:focus-visible{outline:2px solid currentColor;outline-offset:2px;box-shadow:0 0 0 4px var(--sereno-accent,light-dark(#6641b5,#b79bff))}
button[aria-disabled=true]{opacity:.75;cursor:progress}
.badge{display:inline-flex;align-items:center;gap:5px;padding:2px 8px;border-radius:var(--sereno-radius,8px);font-size:12px;font-weight:600;line-height:1.5}
.badge.inactivity_7d{background:var(--sereno-bg,light-dark(#e6e9f2,#20283a))}
.badge.inactivity_30d{background:var(--sereno-bg,light-dark(#fde7e4,#34181a))}
.badge.manual,.badge.system,.badge.vacation{background:var(--sereno-bg,light-dark(#fff,#151a21));box-shadow:inset 0 0 0 1.5px var(--sereno-accent,light-dark(#6641b5,#b79bff))}
.badge.manual svg{transform:scaleX(-1)}
.badge.none{background:var(--sereno-bg,light-dark(#ecece7,#232933))}
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
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.500z",
  box: "M3 4h18v4H3zM4.5 9.500h15V20h-15zM10 12v2h4v-2z",
  warning: "M12 3L22.5 21h-21zM11 10v5h2v-5zM11 16.500v2h2v-2z",
};

function icon(name: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[name] ?? "");
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.part.add(className.split(" ")[0] ?? className);
  made.textContent = text;
  return made;
}

const fill = (text: string, value: string) => text.replace("{}", () => value);

// On a server that renders pages there are no elements to extend; importing the module must still work.
const Base = (typeof HTMLElement === "undefined" ? class {} : HTMLElement) as typeof HTMLElement;

/** What banner and badge share: attributes as properties, language, drawing when something changes. */
abstract class WorldElement extends Base {
  static observedAttributes = [
    "world-name",
    "pause-reason",
    "paused-at",
    "deletion-at",
    "can-resume",
    "lang",
    "heading-level",
  ];
  protected readonly root: ShadowRoot;

  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [style()];
  }
  connectedCallback(): void {
    this.draw();
  }
  attributeChangedCallback(): void {
    if (this.isConnected) this.draw();
  }
  protected abstract draw(): void;

  /** An unknown or missing reason is null; what it then means is the element's. */
  protected get reason(): PauseReason | null {
    const given = this.getAttribute("pause-reason") as PauseReason;
    return REASONS.includes(given) ? given : null;
  }
  /** The attribute, else the nearest [lang], else the browser's language; Spanish when none is known. */
  protected get language(): string {
    const asked =
      this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang") || navigator.language;
    return [asked, asked.slice(0, 2)].find((l) => l in locales) ?? "es";
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

/** The attributes of elements as properties of the same names, so that frameworks may set either. */
function reflect(type: typeof WorldElement, names: Record<string, string>): void {
  for (const [property, attribute] of Object.entries(names))
    Object.defineProperty(type.prototype, property, {
      get(this: HTMLElement) {
        return this.getAttribute(attribute) ?? "";
      },
      set(this: HTMLElement, value: unknown) {
        if (value === null || value === undefined) this.removeAttribute(attribute);
        else this.setAttribute(attribute, String(value));
      },
      configurable: true,
    });
}

/** What a listener of `resume` gets. With `waitUntil` the host resumes the world itself and the banner waits for it. */
export interface ResumeDetail {
  worldId: string;
  waitUntil(resumed: Promise<unknown>): void;
}

export class WorldPausedBanner extends WorldElement {
  private state: "idle" | "busy" | "done" | "failed" = "idle";
  private button: HTMLElement | undefined;

  /** Resumes as a click does: event `resume`, then the host's promise or a POST to `endpoint`. */
  async resume(): Promise<void> {
    if (this.state === "busy" || this.state === "done") return;
    const worldId = this.getAttribute("world-id") ?? "";
    let work: Promise<unknown> | undefined;
    const detail: ResumeDetail = { worldId, waitUntil: (resumed) => void (work = resumed) };
    const isOurs = this.dispatchEvent(
      new CustomEvent("resume", { detail, cancelable: true, bubbles: true, composed: true }),
    );
    const endpoint = this.getAttribute("endpoint");
    if (!work && isOurs && endpoint) work = this.post(endpoint, worldId);
    if (!work) return; // the host does it in its own way
    this.show("busy");
    try {
      await work;
      this.show("done");
      this.tell("sereno-resumed", { worldId });
    } catch (error) {
      this.show("failed");
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
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private show(state: WorldPausedBanner["state"]): void {
    this.state = state;
    const hadFocus = this.root.activeElement === this.button;
    this.draw();
    if (hadFocus && state !== "done") this.button?.focus();
  }

  protected draw(): void {
    const t = this.words;
    if (this.state === "done") {
      this.root.replaceChildren();
      this.hidden = true;
      return;
    }
    const name = this.getAttribute("world-name");
    const box = element("section", "box banner");
    const words = element("div", "words");
    const title = element("div", "title", name ? fill(t.title, `«${name}»`) : t.untitled);
    title.id = "title";
    title.setAttribute("role", "heading");
    title.setAttribute("aria-level", this.getAttribute("heading-level") ?? "2");
    box.setAttribute("role", "region");
    box.setAttribute("aria-labelledby", "title");
    words.append(title, element("p", "reason", t.reasons[this.reason ?? "manual"]));
    const since = this.date("paused-at");
    const deletion = this.date("deletion-at");
    if (since) words.append(element("p", "since", fill(t.since, since)));
    if (deletion) words.append(element("p", "deletion", fill(t.deletion, deletion)));
    const status = element("p", "error", this.state === "failed" ? t.failed : "");
    status.setAttribute("role", "status");
    words.append(status);
    box.append(icon("moon"), words);
    this.button = undefined;
    if (this.getAttribute("can-resume") !== "false") box.append((this.button = this.makeButton(t)));
    this.root.replaceChildren(box);
  }

  private makeButton(t: Locale): HTMLElement {
    const button = element("button", "button", this.state === "busy" ? t.busy : t.resume);
    button.setAttribute("type", "button");
    if (this.state === "busy") button.setAttribute("aria-disabled", "true");
    button.addEventListener("click", () => void this.resume());
    return button;
  }

  /** Another world, or the same one asleep again: the banner begins anew. */
  override attributeChangedCallback(): void {
    if (this.state === "done" && this.hidden) return;
    super.attributeChangedCallback();
  }
}

export class WorldPausedBadge extends WorldElement {
  protected draw(): void {
    const { reason, words } = this;
    const badge = element("span", `badge ${reason ?? "none"}`);
    const text = element("span", "label", reason ? words.badges[reason] : words.paused);
    const shape = reason === "inactivity_30d" ? "warning" : reason === "inactivity_7d" ? "box" : "moon";
    const name = this.getAttribute("world-name");
    badge.setAttribute("role", "img");
    badge.setAttribute("aria-label", name ? `${name}: ${text.textContent}` : (text.textContent ?? ""));
    badge.append(icon(shape), text);
    this.root.replaceChildren(badge);
  }
}

const shared = {
  worldId: "world-id",
  worldName: "world-name",
  pauseReason: "pause-reason",
  pausedAt: "paused-at",
  deletionAt: "deletion-at",
};
reflect(WorldPausedBanner, { ...shared, endpoint: "endpoint", canResume: "can-resume" });
reflect(WorldPausedBadge, shared);

if (typeof customElements !== "undefined") {
  if (!customElements.get("world-paused-banner"))
    customElements.define("world-paused-banner", WorldPausedBanner);
  if (!customElements.get("world-paused-badge"))
    customElements.define("world-paused-badge", WorldPausedBadge);
}
