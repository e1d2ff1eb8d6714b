/* The two pages of a keep link (a warning's mail): GET shows a button and does nothing, because programs that read
 * mail open every link; POST keeps the world. The token is the right: no log-in, no cookie is looked at. */
#include "api/api_worlds.h"
#include "api/web.h"

struct keep_query {
  const char *token;
};
SHAPE_OF(keep_query, "KeepQuery", sizeof(struct keep_query),
         IN(struct keep_query, token, "token", TEXT, FIELD_REQUIRED, 1, 400, FIELD_NULL, "of the link"));

enum keep_text { KEEP_TITLE, KEEP_ASK, KEEP_BUTTON, KEEP_DONE, KEEP_TEXT_COUNT };
static const char *const texts[][KEEP_TEXT_COUNT] = {
    {"Conservar el mundo", "Este mundo está a punto de archivarse o borrarse por inactividad.",
     "Conservar este mundo", "Hecho: el mundo se conserva. Ya puedes cerrar esta página."},
    {"Keep the world", "This world is about to be archived or deleted because nobody has been there.",
     "Keep this world", "Done: the world is kept. You may close this page."},
};

static const char *const *texts_of(const struct call *c) {
  struct str wanted = http_request_header(c->req, "Accept-Language");
  return texts[wanted.ptr && str_starts(wanted, STR("en")) ? 1 : 0];
}

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;margin:0}"
    "main{max-width:32rem;margin:4rem auto;padding:0 1rem}"
    "button{font:inherit;min-height:44px;padding:.3rem 1rem}\n";

void keep_style(struct call *c) {
  call_begin(c);
  buf_add_text(&c->out, style);
  call_end_text(c, 200, "text/css; charset=utf-8");
}

/* The page's language follows the browser; before and after stand around what differs. */
static void begin_page(struct call *c, const char *const *t) {
  call_begin(c);
  buf_addf(&c->out,
           "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>\n"
           "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" "
           "href=\"%s/api/worlds/keep.css\">"
           "</head>\n<body><main><h1>%s</h1>\n",
           t == texts[1] ? "en" : "es", t[KEEP_TITLE], web_base(c->api->web), t[KEEP_TITLE]);
}

static void end_page(struct call *c) {
  buf_add_text(&c->out, "</main></body></html>\n");
  call_end_text(c, 200, "text/html; charset=utf-8");
}

static void add_escaped(struct buf *out, const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                    strchr("-_.~:", *p);
    if (is_plain) buf_add_char(out, (char)*p);
    else buf_addf(out, "%%%02X", *p);
  }
}

void keep_page(struct call *c) {
  const char *const *t = texts_of(c);
  begin_page(c, t);
  buf_addf(&c->out, "<p>%s</p>\n<form method=\"post\" action=\"%s/api/worlds/keep?token=", t[KEEP_ASK],
           web_base(c->api->web));
  add_escaped(&c->out, CALL_INPUT(c, struct keep_query)->token);
  buf_addf(&c->out, "\"><button>%s</button></form>\n", t[KEEP_BUTTON]);
  end_page(c);
}

static void on_kept(void *arg, const struct world_reply *reply) {
  struct call *c = arg;
  if (reply->error != ERR_OK) {
    c->detail = reply->detail;
    call_fail(c, reply->error);
    return;
  }
  call_log(c, "world.keep", "worlds", NULL);
  if (str_find(http_request_header(c->req, "Accept"), STR("text/html")) == SIZE_MAX) {
    jw_value(call_begin(c), reply->body);
    call_end(c, 200);
    return;
  }
  const char *const *t = texts_of(c);
  begin_page(c, t);
  buf_addf(&c->out, "<p role=\"status\">%s</p>\n", t[KEEP_DONE]);
  end_page(c);
}

void keep_post(struct call *c) {
  const struct engine_world_ask ask = {.call = world_call_find(STR("world.keep")),
                                       .actor_kind = ACTOR_SYSTEM,
                                       .actor = STR("keep-link"),
                                       .args = c->body};
  ASSERT(ask.call);
  engine_world_call(c->api->engine, &ask, on_kept, c);
}
