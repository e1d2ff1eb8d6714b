// What the browser suites share: a server, Debian's Chromium, pages of every role, language and theme. A test fails by its
// body, and by anything a page should never say: an error on its console, an exception, a report of its Content Security
// Policy or of Trusted Types. Wait by locators and conditions, never by sleeping.
//
//   const site = await start();                      // serve's options: {env, flags, clockAt, …}
//   await site.test('a_job_is_run', async (t) => {
//     const page = await t.page('/jobs', {role: 'operator', lang: 'en', theme: 'dark', width: 390});
//     await page.getByRole('button', {name: 'Run'}).click();
//   });
//   await site.finish();
//
// A failed test leaves pictures of its pages, NAME-N.png, in SERENO_TEST_OUT.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { ask, assert, equal, request, serve, test, until } from "../api/lib.mjs";

export { ask, assert, equal, request, until };

const program = process.env.SERENO_CHROMIUM || "/usr/bin/chromium";
const pictures = process.env.SERENO_TEST_OUT || fs.mkdtempSync(path.join(os.tmpdir(), "sereno-web-"));
const password = "una contraseña de prueba";

/** Refusals are answers, not faults: pages show them, the browser notes them all the same. */
const isNoise = (text) => text.startsWith("Failed to load resource: the server responded with a status of 4");

function watch(page, problems) {
  page.on("console", (message) => {
    if (message.type() === "error" && !isNoise(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.stack || error}`));
  page.on("crash", () => problems.push("the page crashed"));
}

// In the page, before its own scripts; the console carries it out.
function tellViolations() {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(
      `policy: ${event.effectiveDirective} refused ${event.blockedURI} ${event.sample} (${event.sourceFile}:${event.lineNumber})`,
    );
  });
}

export async function start(options = {}) {
  const server = await serve(options);
  const browser = await chromium.launch({
    executablePath: program,
    args: ["--no-sandbox"],
    headless: true,
  });
  const base = (options.env?.SERENO_HTTP_BASE_PATH ?? "").replace(/\/$/, "");
  const cookies = new Map();

  /** The session cookie of an account of this role, made at its first use. */
  async function cookieOf(role) {
    if (!cookies.has(role)) {
      await ask(server, "POST", "/api/admin/users", 201, {
        body: { name: `la-${role}`, role, password },
      });
      const got = await request(server, "POST", "/api/auth/login", {
        body: { name: `la-${role}`, password },
        token: null,
      });
      equal(got.status, 200, got.text);
      cookies.set(role, /^([^=]+)=([^;]+)/.exec(got.headers["set-cookie"][0]).slice(1));
    }
    const [name, value] = cookies.get(role);
    return {
      name,
      value,
      domain: "127.0.0.1",
      path: base || "/",
      httpOnly: true,
      sameSite: "Strict",
    };
  }

  const site = {
    server,
    browser,
    /** A server that was started again has another port. */
    get origin() {
      return `http://127.0.0.1:${server.port}`;
    },
    base,
    password,
    url: (to) => site.origin + base + to,
  };

  /** A browser of its own (cookies, storage) for one test; role null: nobody is logged in. */
  site.context = async (
    t,
    { role = "admin", lang = "es", theme = "light", width = 1280, height = 900, ...more } = {},
  ) => {
    const context = await browser.newContext({
      locale: lang === "es" ? "es-ES" : "en-GB",
      colorScheme: theme,
      viewport: { width, height },
      timezoneId: "Europe/Madrid",
      reducedMotion: "reduce",
      ...more,
    });
    context.setDefaultTimeout(15_000);
    await context.addInitScript(tellViolations);
    if (role) await context.addCookies([await cookieOf(role)]);
    context.on("page", (page) => {
      watch(page, t.problems);
      t.pages.push(page);
    });
    t.contexts.push(context);
    return context;
  };

  site.test = (name, body) =>
    test(name, async () => {
      const t = { name, problems: [], contexts: [], pages: [] };
      /** A page at this path; the context's options, or {context} to open another tab of one. */
      t.page = async (to, { context, ...options } = {}) => {
        const page = await (context ?? (await site.context(t, options))).newPage();
        await page.goto(site.url(to));
        return page;
      };
      try {
        await body(t);
        if (t.problems.length) throw new Error(t.problems.join("\n"));
      } catch (error) {
        for (const [i, page] of t.pages.entries())
          await page.screenshot({ path: path.join(pictures, `${name}-${i + 1}.png`) }).catch(() => undefined);
        if (t.problems.length && !t.problems.some((p) => error.message.includes(p)))
          error.message += `\n${t.problems.join("\n")}`;
        error.stack = `${error.message}\n${String(error.stack)
          .split("\n")
          .filter((l) => l.includes("/tests/"))
          .join("\n")}\npictures: ${pictures}/${name}-*.png`;
        throw error;
      } finally {
        for (const context of t.contexts) await context.close();
      }
    });

  site.finish = async () => {
    await browser.close();
    await server.finish();
  };
  return site;
}

/** axe's findings on a page as lines; none is the aim. */
export async function axe(page, options = {}) {
  const source = fs.readFileSync(
    path.join(path.dirname(fileURLToPath(import.meta.url)), "../node_modules/axe-core/axe.min.js"),
    "utf8",
  );
  await page.evaluate(source);
  const found = await page.evaluate((o) => window.axe.run(document, o), options);
  return found.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} (${v.help}) ${n.failureSummary}`),
  );
}

/** Sideways scrolling of the whole page: pixels that stick out. */
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Whether each canvas of a selector shows lines in the theme's `--line` of now, and there is one. */
export const hasThemesLines = (page, selector) =>
  page.evaluate((where) => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = "var(--line)";
    const want = getComputedStyle(probe).color.match(/\d+/g).map(Number);
    probe.remove();
    const shows = (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] === 255 && want.every((part, at) => data[i + at] === part)) return true;
      return false;
    };
    const all = [...document.querySelectorAll(where)];
    return all.length > 0 && all.every(shows);
  }, selector);
