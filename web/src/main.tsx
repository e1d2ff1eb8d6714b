import { render } from "preact";
import { addressOf } from "./addresses";
import { App } from "./app";
import { call } from "./api/client";
import { loadSession, setSession } from "./api/state";
import { startClock } from "./base/clock";
import { startKeys } from "./base/keys";
import { path, startAddress } from "./base/url";
import { applyTheme } from "./base/theme";
import { loginSecret } from "./pages/login/problem";
import { loadPage } from "./routes";
import { loadWords } from "./words";
import "./style/app.css";

/** A server that does not answer at the start is asked again until it does; the page says so meanwhile. */
async function waitForSession(): Promise<void> {
  for (let wait = 1000; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      return await loadSession();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

const root = document.getElementById("app");
if (!root) throw new Error("no #app");
applyTheme();
startAddress();
startClock(() => void call("GET /livez").catch(() => undefined));
startKeys();
const at = addressOf(path.value);
if (at) void loadPage[at.address.file]().catch(() => undefined); // while we ask who is there; App says when it fails
const asked = loginSecret(location.hash) ? null : waitForSession();
await loadWords();
render(<App />, root);
if (asked) await asked;
else setSession(null); // whoever is logged in already: the link says who comes now
