/* A small page at "/" to log in and see that the server is well; works with the strict CSP (API_CSP). */
#include "api/api_system.h"

static const char html[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sereno</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" "
    "href=\"/sereno.css\"></head>\n"
    "<body><main><h1>Sereno</h1><p id=\"say\" role=\"status\">Scripts are needed to log in here.</p>\n"
    "<form id=\"login\" hidden><label>Name <input id=\"name\" autocomplete=\"username\" required></label>\n"
    "<label>Password <input id=\"password\" type=\"password\" autocomplete=\"current-password\" "
    "required></label>\n"
    "<button>Log in</button></form>\n"
    "<section id=\"in\" hidden><dl id=\"figures\"></dl><button id=\"out\">Log out</button></section>\n"
    "</main><script src=\"/sereno.js\"></script></body></html>\n";

static const char css[] =
    "body{font:16px/1.5 system-ui,sans-serif;color-scheme:light "
    "dark;margin:0}main{max-width:32rem;margin:4rem auto;"
    "padding:0 1rem}label{display:block;margin:.5rem "
    "0}input{display:block;width:100%;font:inherit;padding:.3rem}"
    "button{font:inherit;padding:.3rem 1rem}dl{display:grid;grid-template-columns:1fr 1fr}dd{margin:0}\n";

static const char script[] =
    "'use strict';\n"
    "const el = (id) => document.getElementById(id);\n"
    "const say = (text) => { el('say').textContent = text; };\n"
    "let csrf = null;\n"
    "async function call(method, path, body) {\n"
    "  const headers = {};\n"
    "  if (body !== undefined) headers['Content-Type'] = 'application/json';\n"
    "  if (csrf) headers['X-CSRF-Token'] = csrf;\n"
    "  const got = await fetch(path, {method, headers, body: body === undefined ? undefined : "
    "JSON.stringify(body)});\n"
    "  const text = await got.text();\n"
    "  const data = text ? JSON.parse(text) : null;\n"
    "  if (!got.ok) throw new Error(data && data.detail || data && data.title || 'answer ' + got.status);\n"
    "  return data;\n"
    "}\n"
    "async function show(session) {\n"
    "  csrf = session.csrfToken;\n"
    "  el('login').hidden = true;\n"
    "  el('in').hidden = false;\n"
    "  say('Logged in as ' + session.user + ' (' + session.role + ').');\n"
    "  const board = await call('GET', '/api/cron/dashboard');\n"
    "  el('figures').textContent = '';\n"
    "  for (const key of ['totalJobs', 'activeJobs', 'runningJobs', 'failedJobs', 'queuedExecutions']) {\n"
    "    const dt = document.createElement('dt'), dd = document.createElement('dd');\n"
    "    dt.textContent = key;\n"
    "    dd.textContent = String(board[key]);\n"
    "    el('figures').append(dt, dd);\n"
    "  }\n"
    "}\n"
    "function ask(text) {\n"
    "  csrf = null;\n"
    "  say(text);\n"
    "  el('in').hidden = true;\n"
    "  el('login').hidden = false;\n"
    "}\n"
    "el('login').addEventListener('submit', async (event) => {\n"
    "  event.preventDefault();\n"
    "  try {\n"
    "    await show(await call('POST', '/api/auth/login', {name: el('name').value, password: "
    "el('password').value}));\n"
    "  } catch (error) { say(error.message); }\n"
    "  el('password').value = '';\n"
    "});\n"
    "el('out').addEventListener('click', async () => {\n"
    "  try { await call('POST', '/api/auth/logout', {}); ask('Logged out.'); } catch (error) { "
    "say(error.message); }\n"
    "});\n"
    "(async () => {\n"
    "  const link = /^#login=([A-Za-z0-9_-]+)$/.exec(location.hash);\n"
    "  if (link) history.replaceState(null, '', '/');\n"
    "  try {\n"
    "    await show(link ? await call('POST', '/api/auth/login-link', {secret: link[1]})\n"
    "                    : await call('GET', '/api/auth/session'));\n"
    "  } catch (error) { ask(link ? error.message : 'Please log in.'); }\n"
    "})();\n";

static void send(struct call *c, const char *type, const char *text) {
  call_begin(c);
  buf_add_text(&c->out, text);
  call_end_text(c, 200, type);
}

void page_root(struct call *c) { send(c, "text/html; charset=utf-8", html); }
void page_script(struct call *c) { send(c, "text/javascript; charset=utf-8", script); }
void page_style(struct call *c) { send(c, "text/css; charset=utf-8", css); }

void openapi_get(struct call *c) {
  openapi_write(call_begin(c));
  call_end(c, 200);
}
