#include <stdlib.h>

#include "http/http_cookie.h"
#include "http/http_internal.h"
#include "http/http_target.h"

/* ---- Making one ----------------------------------------------------------------------------- */

static size_t count_parameters(struct str query) {
  size_t n = 0;
  struct str rest = query, name, value;
  while (http_query_next(&rest, &name, &value)) n++;
  return n;
}

static void write_id(char to[HTTP_ID_DIGITS], uint64_t id) {
  for (int i = HTTP_ID_DIGITS - 1; i >= 0; i--, id >>= 4) to[i] = "0123456789abcdef"[id & 15];
}

static void fill_fields(struct http_exchange *x, const struct http_head *head, const char *base) {
  for (size_t i = 0; i < x->field_count; i++) {
    const struct http_field *f = &head->fields[i];
    x->fields[i] = (struct http_pair){http_span_str(base, f->name), http_span_str(base, f->value)};
  }
}

/* Decodes into `to`, which has room for the whole query. */
static bool fill_parameters(struct http_exchange *x, char *to) {
  struct str rest = x->req.query;
  for (size_t i = 0; i < x->parameter_count; i++) {
    struct http_pair *p = &x->parameters[i], raw;
    if (!http_query_next(&rest, &raw.name, &raw.value)) return false;
    p->name.ptr = to;
    if (!http_query_decode(raw.name, to, &p->name.len)) return false;
    to += p->name.len;
    p->value.ptr = to;
    if (!http_query_decode(raw.value, to, &p->value.len)) return false;
    to += p->value.len;
  }
  return true;
}

static void fill_request(struct http_exchange *x, const struct http_conn *c, const struct http_head *head,
                         const char *base) {
  x->req = (struct http_request){
      .method = head->method,
      .is_tls = c->wire.ssl != NULL,
      .target = http_span_str(base, head->target),
      .query = http_span_str(base, head->query),
      .host = http_span_str(base, head->host),
      .body = STR(""),
      .arena = arena_new(LIMIT_HTTP_ARENA_BYTES),
  };
  memcpy(x->peer, c->peer, sizeof x->peer);
  x->req.peer = str_of(x->peer);
  x->req.id = (struct str){x->id, HTTP_ID_DIGITS};
  x->req.content_type = http_request_header(&x->req, "content-type");
}

struct http_exchange *http_exchange_new(struct http_conn *c, const struct http_head *head, const char *base,
                                        int *ret_status, const char **ret_why) {
  struct http_server *s = c->server;
  size_t parameters = count_parameters(http_span_str(base, head->query));
  if (parameters > LIMIT_HTTP_QUERY_PARAMETERS) {
    *ret_status = 414, *ret_why = "there are too many query parameters";
    return NULL;
  }
  size_t pairs = head->field_count + parameters;
  size_t texts = (size_t)head->bytes + head->path.len + 1 + head->query.len;
  struct http_exchange *x = malloc(sizeof *x + pairs * sizeof(struct http_pair) + texts);
  if (!x) {
    *ret_status = 503, *ret_why = "out of memory";
    return NULL;
  }
  *x = (struct http_exchange){
      .server = s,
      .conn = c,
      .wants_close = head->wants_close,
      .is_chunked = head->is_chunked,
      .body_left = head->content_length,
      .body = buf_new(head->is_chunked ? s->limits.body_bytes : (size_t)head->content_length),
      .extra = buf_new(LIMIT_HTTP_ANSWER_HEAD_BYTES),
      .field_count = head->field_count,
      .parameter_count = parameters,
      .fields = (struct http_pair *)(void *)x->bytes,
  };
  x->parameters = x->fields + x->field_count;
  char *copy = (char *)(x->fields + pairs);
  memcpy(copy, base, head->bytes);
  write_id(x->id, s->id_next++);
  list_push_back(&s->exchanges, &x->link);
  fill_fields(x, head, copy);
  fill_request(x, c, head, copy);
  char *path = copy + head->bytes;
  x->req.path.ptr = path;
  if (http_path_decode(http_span_str(copy, head->path), path, &x->req.path.len) &&
      fill_parameters(x, path + head->path.len + 1))
    return x;
  http_exchange_free(x);
  *ret_status = 400, *ret_why = "the path or a query parameter is malformed";
  return NULL;
}

void http_exchange_free(struct http_exchange *x) {
  if (x->server) x->server->body_bytes -= x->body_counted;
  list_remove(&x->link);
  arena_free(&x->req.arena);
  buf_free(&x->body);
  buf_free(&x->extra);
  free(x);
}

void http_exchange_hung_up(struct http_exchange *x) {
  http_close_fn *fn = x->on_close;
  x->on_close = NULL;
  if (fn) fn(x->on_close_arg);
}

/* ---- What the handler asks ------------------------------------------------------------------ */

static const struct http_exchange *exchange_of(const struct http_request *req) {
  return (const struct http_exchange *)req; /* its first member */
}

static bool pair_at(const struct http_pair *pairs, size_t count, size_t i, struct http_pair *ret) {
  if (i < count) *ret = pairs[i];
  return i < count;
}

struct str http_request_header(const struct http_request *req, const char *name) {
  const struct http_exchange *x = exchange_of(req);
  struct str wanted = str_of(name);
  for (size_t i = 0; i < x->field_count; i++)
    if (x->fields[i].name.len == wanted.len && str_eq_nocase(x->fields[i].name, wanted))
      return x->fields[i].value;
  return STR_NONE;
}

bool http_request_header_at(const struct http_request *req, size_t i, struct str *ret_name,
                            struct str *ret_value) {
  const struct http_exchange *x = exchange_of(req);
  struct http_pair pair;
  if (!pair_at(x->fields, x->field_count, i, &pair)) return false;
  *ret_name = pair.name;
  *ret_value = pair.value;
  return true;
}

struct str http_query(const struct http_request *req, const char *name) {
  const struct http_exchange *x = exchange_of(req);
  for (size_t i = 0; i < x->parameter_count; i++)
    if (str_eq(x->parameters[i].name, str_of(name))) return x->parameters[i].value;
  return STR_NONE;
}

bool http_query_at(const struct http_request *req, size_t i, struct str *ret_name, struct str *ret_value) {
  const struct http_exchange *x = exchange_of(req);
  struct http_pair pair;
  if (!pair_at(x->parameters, x->parameter_count, i, &pair)) return false;
  *ret_name = pair.name;
  *ret_value = pair.value;
  return true;
}

struct str http_cookie(const struct http_request *req, const char *name) {
  return http_cookie_find(http_request_header(req, "cookie"), str_of(name));
}

void http_on_close(struct http_request *req, http_close_fn *fn, void *arg) {
  struct http_exchange *x = http_exchange_of(req);
  x->on_close = fn;
  x->on_close_arg = arg;
  if (fn && x->conn && x->conn->has_hung_up) http_conn_schedule(x->conn);
}

bool http_has_gone(const struct http_request *req) {
  const struct http_conn *c = exchange_of(req)->conn;
  return !c || c->has_hung_up;
}
