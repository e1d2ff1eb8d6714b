// Language, theme, who I am, out. At the foot of the navigation, and behind "more" on a phone.
import { signal } from "@preact/signals";
import { call } from "./api/client";
import { session, setSession } from "./api/state";
import { remembered } from "./base/remember";
import { href, mayLeave } from "./base/url";
import { isHelpOpen } from "./help";
import { navigation, navText, type NavKey } from "./routes";
import { may } from "./api/state";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Field } from "./ui/field";
import { Icon } from "./ui/icon";
import { sayError } from "./ui/toast";
import { type Language, languageChoice, loadWords, words } from "./words";

type Theme = "system" | "light" | "dark";
const theme = remembered<Theme>("theme", "system");
export const isPrefsOpen = signal(false);
/** What a phone's navigation has no room for. */
export const behindMore: readonly NavKey[] = ["calendar", "alerts", "audit", "settings"];

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

async function logOut(): Promise<void> {
  isPrefsOpen.value = false;
  if (!mayLeave("/")) return; // unsaved changes: the page asks
  try {
    await call("POST /api/auth/logout");
    setSession(null);
  } catch (error) {
    sayError(error);
  }
}

function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <Field label={props.label}>
      {(ids) => (
        <select {...ids} value={props.value} onChange={(e) => props.onChange(e.currentTarget.value as T)}>
          {props.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Language and theme. */
export function AppearanceChoices() {
  const t = words().common.prefs;
  return (
    <div class="choices">
      <Choice<Language | "auto">
        label={t.language}
        value={languageChoice.value}
        options={[
          ["auto", t.automatic],
          ["es", "Español"],
          ["en", "English"],
        ]}
        onChange={(choice) => void loadWords(choice)}
      />
      <Choice<Theme>
        label={t.theme}
        value={theme.value}
        options={[
          ["system", t.system],
          ["light", t.light],
          ["dark", t.dark],
        ]}
        onChange={(choice) => {
          theme.value = choice;
          applyTheme();
        }}
      />
    </div>
  );
}

export function PrefsDialog() {
  const w = words();
  const t = w.common.prefs;
  const who = session.value;
  const close = () => void (isPrefsOpen.value = false);
  return (
    <Dialog title={t.title} onClose={close} class="prefs">
      <ul class="more-links">
        {navigation
          .filter((n) => behindMore.includes(n.key) && may(n.role))
          .map((n) => (
            <li key={n.key}>
              <a href={href(n.to)} onClick={close}>
                <Icon name={n.icon} size={18} />
                {navText(w, n.key)}
              </a>
            </li>
          ))}
      </ul>
      <AppearanceChoices />
      <Button
        kind="quiet"
        onClick={() => {
          close();
          isHelpOpen.value = true;
        }}
      >
        {w.common.keys.title}
      </Button>
      {who && (
        <footer>
          <span class="who">{t.loggedInAs(who.user ?? who.actor, w.common.roles[who.role])}</span>
          <Button icon="log-out" onClick={() => void logOut()}>
            {w.common.actions.logOut}
          </Button>
        </footer>
      )}
    </Dialog>
  );
}

/** The button at the foot of the navigation. */
export function PrefsButton() {
  const t = words().common;
  return (
    <button type="button" class="prefs-button" onClick={() => void (isPrefsOpen.value = true)}>
      <Icon name="user" size={18} />
      <span class="word">{session.value?.user ?? t.prefs.title}</span>
    </button>
  );
}
