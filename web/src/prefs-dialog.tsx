// Language, theme, who I am, out. At the foot of the navigation, and behind "more" on a phone.
import { ApiError, call } from "./api/client";
import { may, session, setSession } from "./api/state";
import { applyTheme, type Theme, theme } from "./base/theme";
import { href, mayLeave } from "./base/url";
import { behindMore, type Closable, isHelpOpen } from "./floating";
import { navigation, navText } from "./routes";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Field } from "./ui/field";
import { Icon } from "./ui/icon";
import { sayError } from "./ui/toast";
import { type Language, languageChoice, loadWords, words } from "./words";

async function logOut(onClose: () => void): Promise<void> {
  onClose();
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
  const t = words().prefs;
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
        onChange={(choice) => void loadWords(choice).catch(() => sayError(new ApiError(0, {})))}
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

export function PrefsDialog({ onClose }: Closable) {
  const w = words();
  const t = w.prefs;
  const who = session.value;
  return (
    <Dialog title={t.title} onClose={onClose} class="prefs">
      <ul class="more-links">
        {navigation
          .filter((n) => behindMore.includes(n.key) && may(n.role))
          .map((n) => (
            <li key={n.key}>
              <a href={href(n.to)} onClick={onClose}>
                <Icon name={n.icon} size={18} />
                {navText(n.key)}
              </a>
            </li>
          ))}
      </ul>
      <AppearanceChoices />
      <Button
        kind="quiet"
        onClick={() => {
          onClose();
          isHelpOpen.value = true;
        }}
      >
        {w.keys.title}
      </Button>
      {who && (
        <footer>
          <span class="who">{t.loggedInAs(who.user ?? who.actor, w.roles[who.role])}</span>
          <Button icon="log-out" onClick={() => void logOut(onClose)}>
            {w.actions.logOut}
          </Button>
        </footer>
      )}
    </Dialog>
  );
}
