// Logging in: by name and password, or by the secret of a login link behind the "#".
import { useEffect, useState } from "preact/hooks";
import { ApiError, call } from "../api/client";
import { setSession } from "../api/state";
import { Button } from "../ui/button";
import { words } from "../words";

export function LoginPage() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const enter = async (ask: () => ReturnType<typeof call<"POST /api/auth/login">>) => {
    setBusy(true);
    try {
      setSession(await ask());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.hint ? `${error.message} ${error.hint}` : error.message);
      setBusy(false);
    }
  };
  useEffect(() => {
    const secret = /^#login=([\w-]+)$/.exec(location.hash)?.[1];
    if (!secret) return;
    history.replaceState(null, "", location.pathname + location.search);
    void enter(() => call("POST /api/auth/login-link", { body: { secret } }));
  }, []);
  return (
    <main class="login">
      <h1>{words().login.title}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter(() => call("POST /api/auth/login", { body: { name, password } }));
        }}
      >
        <input
          value={name}
          autocomplete="username"
          required
          onInput={(e) => setName(e.currentTarget.value)}
          aria-label="name"
        />
        <input
          type="password"
          value={password}
          autocomplete="current-password"
          required
          aria-label="password"
          onInput={(e) => setPassword(e.currentTarget.value)}
        />
        <Button kind="main" type="submit" isBusy={isBusy}>
          {words().common.actions.logIn}
        </Button>
      </form>
      {problem && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </main>
  );
}
