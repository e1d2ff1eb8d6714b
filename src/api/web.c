#include "api/web.h"

#include <stdlib.h>

#include "api/call.h"
#include "base/embedded.h"
#include "base/map.h"

#define INDEX "/index.html"
#define INDEX_BYTES_MAX 65536
#define HASHED "public, max-age=31536000, immutable"
#define PUBLIC "public, max-age=300"

struct web {
  const char *base;
  struct buf before, after; /* of the title; the base is written already. Empty without an index */
  struct buf preload;       /* the header Link */
};

/* ---- the base path ---- */

static bool is_path_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-_.~", c);
}

enum err web_base_check(const char *base, struct err_detail *detail) {
  struct str s = str_of(base);
  bool is_good = s.len == 0 || (s.ptr[0] == '/' && s.ptr[s.len - 1] != '/' &&
                                str_find(s, STR("//")) == SIZE_MAX && str_find(s, STR("/.")) == SIZE_MAX);
  for (size_t i = 0; is_good && i < s.len; i++) is_good = is_path_char(s.ptr[i]);
  if (is_good) return ERR_OK;
  enum err e = err_set(detail, ERR_INVALID, "http.base_path", 0, "\"%.100s\" is no path", base);
  err_hint(detail, "write /sereno: a slash before, none behind; letters, digits, - _ . ~");
  return e;
}

struct str web_without_base(struct str path, struct str base) {
  if (base.len == 0 || !str_starts(path, base)) return path;
  struct str rest = str_from(path, base.len);
  if (rest.len == 0) return STR("/");
  return rest.ptr[0] == '/' ? rest : path;
}

void web_root_url(struct str url, struct str base, struct buf *out) {
  while (url.len && url.ptr[url.len - 1] == '/') url.len--;
  buf_add_str(out, url);
  if (!str_ends(url, base)) buf_add_str(out, base);
}

/* ---- the index ---- */

static void add_preload(struct web *w, struct str tag, struct str file) {
  const char *how = str_ends(file, STR(".css"))     ? "preload; as=style"
                    : str_ends(file, STR(".woff2")) ? "preload; as=font; type=\"font/woff2\"; crossorigin"
                    : str_find(tag, STR("module")) != SIZE_MAX ? "modulepreload"
                                                               : "preload; as=script";
  buf_addf(&w->preload, "%s<%s/%.*s>; rel=%s", w->preload.len ? ", " : "", w->base, STR_ARG(file), how);
}

/* Each tag of the head that names a file of ours; the icon can wait. */
static void find_preloads(struct web *w, struct str html) {
  struct str tag;
  while (str_split(&html, '<', &tag)) {
    size_t at = str_find(tag, STR("\"assets/"));
    if (at == SIZE_MAX || str_find(tag, STR("rel=\"icon\"")) != SIZE_MAX) continue;
    struct str file = str_from(tag, at + 1);
    size_t end = str_find_char(file, '"');
    if (end != SIZE_MAX) add_preload(w, tag, (struct str){file.ptr, end});
  }
}

static void take_index(struct web *w, struct str html) {
  const struct str title = STR("<title>"), base = STR("<base href=\"/");
  size_t cut = str_find(html, title), mark = str_find(html, base);
  ASSERT(cut != SIZE_MAX && mark != SIZE_MAX && mark < cut);
  size_t root = mark + base.len - 1; /* of the slash */
  buf_add_str(&w->before, (struct str){html.ptr, root});
  buf_add_text(&w->before, w->base);
  buf_add_str(&w->before, (struct str){html.ptr + root, cut + title.len - root});
  struct str rest = str_from(html, cut + title.len);
  buf_add_str(&w->after, str_from(rest, str_find_char(rest, '<')));
  find_preloads(w, html);
}

enum err web_new(const char *base, struct web **ret) {
  struct web *w = calloc(1, sizeof *w);
  if (!w) return ERR_NO_MEMORY;
  *w = (struct web){.base = base ? base : "",
                    .before = buf_new(INDEX_BYTES_MAX),
                    .after = buf_new(INDEX_BYTES_MAX),
                    .preload = buf_new(LIMIT_HTTP_ANSWER_HEAD_BYTES / 4)};
  const struct embedded_web *index = embedded_web_find(STR(INDEX), STR(""));
  if (index) take_index(w, (struct str){index->ptr, index->size});
  enum err e = buf_error(&w->before);
  if (e == ERR_OK) e = buf_error(&w->after);
  if (e == ERR_OK) e = buf_error(&w->preload);
  if (e == ERR_OK) *ret = w;
  else web_free(w);
  return e;
}

void web_free(struct web *w) {
  if (!w) return;
  buf_free(&w->before);
  buf_free(&w->after);
  buf_free(&w->preload);
  free(w);
}

const char *web_base(const struct web *w) { return w->base; }

/* ---- what a client has and takes ---- */

/* "br;q=0" refuses br. */
static bool takes(struct str accept, struct str encoding) {
  struct str piece;
  while (str_split(&accept, ',', &piece)) {
    struct str name, rest = str_trim(piece);
    (void)str_split(&rest, ';', &name);
    if (!str_eq_nocase(str_trim(name), encoding)) continue;
    struct str weight = str_trim(rest);
    bool is_refused = str_starts(weight, STR("q=0"));
    for (size_t i = 3; is_refused && i < weight.len; i++)
      if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9') is_refused = false;
    return !is_refused;
  }
  return false;
}

struct str web_encoding(struct str accept) {
  if (takes(accept, STR("br"))) return STR("br");
  return takes(accept, STR("gzip")) ? STR("gzip") : STR("");
}

bool web_is_known(struct str header, struct str etag) {
  struct str piece;
  while (header.ptr && str_split(&header, ',', &piece)) {
    struct str tag = str_trim(piece);
    if (str_starts(tag, STR("W/"))) tag = str_from(tag, 2);
    if (str_eq(tag, etag) || str_eq(tag, STR("*"))) return true;
  }
  return false;
}

/* ---- pages ---- */

/* The title until the script has read the words of the reader's language. */
static const struct page {
  const char *path, *title;
} pages[] = {
    {"/", "Ronda"},           {"/login", "Entrar"},
    {"/jobs", "Tareas"},      {"/configuracion/sistema/cron-manager", "Tareas"}, /* C-70 */
    {"/runs", "Ejecuciones"}, {"/calendar", "Calendario"},
    {"/worlds", "Mundos"},    {"/alerts", "Alertas"},
    {"/audit", "Auditoría"},  {"/settings", "Ajustes"},
};

static const struct page *page_of(struct str path) {
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    struct str prefix = str_of(pages[i].path), rest = str_from(path, prefix.len);
    if (!str_starts(path, prefix)) continue;
    if (rest.len == 0 || (prefix.len > 1 && rest.ptr[0] == '/')) return &pages[i];
  }
  return NULL;
}

static bool ends_unchanged(struct call *c, const char *cache, const char *etag) {
  struct http_request *req = c->req;
  http_header(req, "Cache-Control", str_of(cache));
  http_header(req, "ETag", str_of(etag));
  if (!web_is_known(http_request_header(req, "If-None-Match"), str_of(etag))) return false;
  call_release(c);
  http_respond(req, 304, NULL, STR_NONE);
  return true;
}

/* Writes the document into c->out; false: answered. */
static bool write_page(struct call *c, const char *title) {
  const struct web *w = c->api->web;
  if (w->before.len == 0) {
    call_refuse(c, ERR_NOT_FOUND, NULL, "this build is without the web UI");
    return false;
  }
  call_begin(c);
  buf_add_str(&c->out, buf_str(&w->before));
  buf_addf(&c->out, "%s · Sereno", title);
  buf_add_str(&c->out, buf_str(&w->after));
  if (!buf_error(&c->out)) return true;
  call_fail(c, ERR_NO_MEMORY);
  return false;
}

static void send_page(struct call *c, int status) {
  const struct web *w = c->api->web;
  struct http_request *req = c->req;
  struct buf out = c->out;
  if (w->preload.len) http_header(req, "Link", buf_str(&w->preload));
  c->out = buf_new(0);
  call_release(c);
  http_respond_buf(req, status, "text/html; charset=utf-8", &out);
}

static void page_get(struct call *c) {
  const struct page *page = page_of(c->req->path);
  ASSERT(page);
  if (!write_page(c, page->title)) return;
  uint64_t hash = hash_bytes(c->out.ptr, c->out.len, 11);
  const char *etag = arena_printf(&c->req->arena, "\"%016llx\"", (unsigned long long)hash);
  if (!etag) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  http_header(c->req, "Cross-Origin-Opener-Policy", STR("same-origin"));
  if (!ends_unchanged(c, "no-cache", etag)) send_page(c, 200);
}

/* The script finds no page of this path, and says so in the reader's language. */
static void lost_get(struct call *c) {
  if (!write_page(c, "Página desconocida")) return;
  http_header(c->req, "Cross-Origin-Opener-Policy", STR("same-origin"));
  http_header(c->req, "Cache-Control", STR("no-store"));
  send_page(c, 404);
}

/* ---- files ---- */

static void send_file(struct call *c, const char *cache) {
  struct http_request *req = c->req;
  struct str encoding = web_encoding(http_request_header(req, "Accept-Encoding"));
  const struct embedded_web *f = embedded_web_find(req->path, encoding);
  if (!f && str_eq(encoding, STR("br"))) f = embedded_web_find(req->path, STR("gzip"));
  if (!f) f = embedded_web_find(req->path, STR(""));
  if (!f) {
    call_refuse(c, ERR_NOT_FOUND, NULL, "there is no such file");
    return;
  }
  http_header(req, "Vary", STR("Accept-Encoding"));
  if (f->encoding[0]) http_header(req, "Content-Encoding", str_of(f->encoding));
  if (ends_unchanged(c, cache, f->etag)) return;
  call_release(c);
  http_respond_static(req, 200, f->type, (struct str){f->ptr, f->size});
}

static void asset_get(struct call *c) { send_file(c, HASHED); }

/* Other people's pages load it, from any origin. */
static void embed_get(struct call *c) {
  http_header(c->req, "Access-Control-Allow-Origin", STR("*"));
  http_header(c->req, "Cross-Origin-Resource-Policy", STR("cross-origin"));
  send_file(c, PUBLIC);
}

#define OPEN (ROUTE_TEXT | ROUTE_EARLY | ROUTE_PAGE)
static const struct route page_route = {HTTP_GET, "/", ROLE_NONE, OPEN, NULL, NULL, 200, page_get, "a page"};
static const struct route asset_route = {HTTP_GET, "/assets/:file", ROLE_NONE, OPEN, NULL, NULL,
                                         200,      asset_get,       "a file"};
static const struct route embed_route = {HTTP_GET, "/embed/v1/:file", ROLE_NONE,    OPEN, NULL, NULL,
                                         200,      embed_get,         "a component"};

static const struct route lost_route = {HTTP_GET, "/", ROLE_NONE, OPEN, NULL, NULL, 404, lost_get, "no page"};

const struct route *web_route_lost(const struct http_request *req) {
  bool is_api = str_eq(req->path, STR("/api")) || str_starts(req->path, STR("/api/"));
  bool is_browser = takes(http_request_header(req, "Accept"), STR("text/html"));
  return is_browser && !is_api ? &lost_route : NULL;
}

const struct route *web_route_find(struct str path) {
  if (str_starts(path, STR("/assets/"))) return &asset_route;
  if (str_starts(path, STR("/embed/v1/"))) return &embed_route;
  return page_of(path) ? &page_route : NULL;
}
