// The foot of the navigation: language, theme, who I am, out.
import { call } from "./api/client";
import { session, setSession } from "./api/state";
import { remembered } from "./base/remember";
import { Button } from "./ui/button";
import { sayError } from "./ui/toast";
import { languageChoice, loadWords, words, type Language } from "./words";

type Theme = "system" | "light" | "dark";
const theme = remembered<Theme>("theme", "system");

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

async function logOut(): Promise<void> {
  try {
    await call("POST /api/auth/logout");
    setSession(null);
  } catch (error) {
    sayError(error);
  }
}

export function Prefs() {
  const t = words().common;
  const who = session.value;
  return (
    <div class="prefs">
      <label>
        <span class="visually-hidden">{t.prefs.language}</span>
        <select
          value={languageChoice.value}
          onChange={(e) => void loadWords(e.currentTarget.value as Language | "auto")}
        >
          <option value="auto">{t.prefs.automatic}</option>
          <option value="es">Español</option>
          <option value="en">English</option>
        </select>
      </label>
      <label>
        <span class="visually-hidden">{t.prefs.theme}</span>
        <select
          value={theme.value}
          onChange={(e) => {
            theme.value = e.currentTarget.value as Theme;
            applyTheme();
          }}
        >
          <option value="system">{t.prefs.system}</option>
          <option value="light">{t.prefs.light}</option>
          <option value="dark">{t.prefs.dark}</option>
        </select>
      </label>
      {who && (
        <div class="who">
          <span title={who.actor}>{t.prefs.loggedInAs(who.user ?? who.actor, t.roles[who.role])}</span>
          <Button kind="quiet" icon="log-out" label={t.actions.logOut} onClick={() => void logOut()} />
        </div>
      )}
    </div>
  );
}
