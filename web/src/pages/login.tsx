// Logging in: by name and password, or by the secret of a login link behind the "#".
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call } from "../api/client";
import { isSessionOver, setSession, type Session } from "../api/state";
import { now, serverNow } from "../base/clock";
import { go, path } from "../base/url";
import { AppearanceChoices } from "../prefs-dialog";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { words } from "../words";
import { loginWords } from "../words/login";
import { loginSecret, problemText, waitSeconds, type LoginWay } from "./login/problem";
import "../style/pages/login.css";

/** Until when the server takes no further try; 0: now. */
const closedUntil = signal(0);

export function LoginPage() {
  const t = loginWords();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<{ error: ApiError; way: LoginWay } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const passwordBox = useRef<HTMLInputElement>(null);
  const wait = waitSeconds(closedUntil.value, now.value);

  const enter = async (way: LoginWay, ask: () => Promise<Session>) => {
    setBusy(true);
    try {
      setSession(await ask());
      isSessionOver.value = false;
      if (path.peek() === "/login") go("/", { replace: true });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.retryAfterSeconds) closedUntil.value = serverNow() + error.retryAfterSeconds * 1000;
      setProblem({ error, way });
      setPassword("");
      setBusy(false);
      passwordBox.current?.focus();
    }
  };
  useEffect(() => {
    document.title = `${t.title} · ${words().app}`;
  }, [t.title]);
  useEffect(() => {
    const secret = loginSecret(location.hash);
    if (!secret) return;
    history.replaceState(null, "", location.pathname + location.search);
    void enter("link", () => call("POST /api/auth/login-link", { body: { secret } }));
  }, []);

  return (
    <main class="login">
      <div class="login-box panel">
        <h1>
          <span class="lantern" aria-hidden="true" />
          {words().app}
        </h1>
        <p class="quiet">{isSessionOver.value && !problem ? t.sessionOver : t.lead}</p>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (isBusy || wait > 0) return;
            void enter("password", () => call("POST /api/auth/login", { body: { name, password } }));
          }}
        >
          <Field label={t.name}>
            {(ids) => (
              <input
                {...ids}
                value={name}
                autocomplete="username"
                autocapitalize="none"
                spellcheck={false}
                required
                autofocus
                onInput={(e) => setName(e.currentTarget.value)}
              />
            )}
          </Field>
          <Field label={t.password}>
            {(ids) => (
              <input
                {...ids}
                ref={passwordBox}
                type="password"
                value={password}
                autocomplete="current-password"
                required
                onInput={(e) => setPassword(e.currentTarget.value)}
              />
            )}
          </Field>
          {problem && (
            <p class="error" role="alert">
              {problemText(t, problem.error, problem.way)}
            </p>
          )}
          {wait > 0 && <p class="hint">{t.wait(wait)}</p>}
          <Button kind="main" type="submit" isBusy={isBusy || wait > 0}>
            {words().actions.logIn}
          </Button>
        </form>
        <p class="hint">
          {t.noPassword} <code>sereno user login-link</code>
        </p>
      </div>
      <div class="login-choices">
        <AppearanceChoices />
      </div>
    </main>
  );
}
