#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "http/http_internal.h"
#include "sys/os_file.h"

/* ---- Status lines and common headers -------------------------------------------------------- */

struct status_row {
  int status;
  const char *text;
};
static const struct status_row statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

static const char *status_text(int status) {
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    if (statuses[i].status == status) return statuses[i].text;
  return "Status";
}

#define DATE_LEN 29

/* "Sat, 21 Nov 2026 18:15:08 GMT" (RFC 9110 5.6.7); the last four digits of the year. */
static void write_date(char to[DATE_LEN], int64_t second) {
  static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int64_t day = second / 86400, rest = second % 86400, year;
  int month, month_day;
  char text[64];
  civil_from_days(day, &year, &month, &month_day);
  int n = snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + day % 7 * 3,
                   month_day, months + (month - 1) * 3, (int)(year % 10000), (int)(rest / 3600),
                   (int)(rest / 60 % 60), (int)(rest % 60));
  ASSERT(n == DATE_LEN);
  memcpy(to, text, DATE_LEN);
}

/* The Date stands first among the common headers, always as long. */
static void update_date(struct http_server *s) {
  int64_t second = world_now_ms(s->world) / 1000;
  if (second == s->common_second || second < 0) return;
  s->common_second = second;
  write_date(s->common.ptr + sizeof "Date: " - 1, second);
}

void http_answer_begin(struct http_conn *c, int status, struct str id) {
  ASSERT(status >= 200 && status <= 599);
  struct http_server *s = c->server;
  update_date(s);
  if (status == 200) {
    buf_add_str(&c->out, STR("HTTP/1.1 200 OK\r\n"));
  } else {
    buf_add_str(&c->out, STR("HTTP/1.1 "));
    buf_add_int(&c->out, status);
    buf_add_char(&c->out, ' ');
    buf_add_text(&c->out, status_text(status));
    buf_add_str(&c->out, STR("\r\n"));
  }
  buf_add_str(&c->out, buf_str(&s->common));
  if (id.len > 0) {
    buf_add_str(&c->out, STR("X-Request-Id: "));
    buf_add_str(&c->out, id);
    buf_add_str(&c->out, STR("\r\n"));
  }
}

static void add_line(struct buf *out, struct str name, struct str value) {
  buf_add_str(out, name);
  buf_add_str(out, STR(": "));
  buf_add_str(out, value);
  buf_add_str(out, STR("\r\n"));
}

static void add_length(struct buf *out, uint64_t n) {
  char digits[24], *at = digits + sizeof digits;
  do *--at = (char)('0' + n % 10);
  while (n /= 10);
  add_line(out, STR("Content-Length"), (struct str){at, (size_t)(digits + sizeof digits - at)});
}

void http_answer_count(struct http_exchange *x, int status, uint64_t body_bytes) {
  struct http_server *s = x->server;
  if (!s->answered) return;
  s->answered(s->arg, &(struct http_answered){
                          .method = x->req.method,
                          .path = x->req.path,
                          .peer = x->req.peer,
                          .id = x->req.id,
                          .status = status,
                          .body_bytes = body_bytes,
                          .took_us = (int64_t)(world_tick(s->world).ns - x->ready.ns) / 1000,
                      });
}

/* ---- Answers -------------------------------------------------------------------------------- */

struct answer {
  int status;
  const char *content_type;
  uint64_t length;
  struct http_payload payload; /* its owned buffer and fd are ours from here on */
};

void http_payload_free(struct http_payload *p) {
  buf_free(&p->owned);
  os_close(&p->file.fd);
  *p = (struct http_payload){.file.fd = -1};
}

static void queue_payload(struct http_conn *c, struct http_payload *p) {
  ASSERT(!c->payload.bytes.len && c->payload.file.fd < 0);
  if (p->file.fd < 0 && p->bytes.len <= HTTP_COPY_BYTES) {
    buf_add_str(&c->out, p->bytes);
    http_payload_free(p);
  } else {
    c->payload = *p;
  }
}

static void answer(struct http_request *req, struct answer *a) {
  struct http_exchange *x = http_exchange_of(req);
  struct http_conn *c = x->conn;
  if (!c) {
    http_payload_free(&a->payload);
    http_exchange_free(x);
    return;
  }
  ASSERT(c->exchange == x && c->state == CONN_HANDLING);
  bool has_body = a->status != 204 && a->status != 304;
  bool closes = x->wants_close || c->server->is_draining;
  http_answer_begin(c, a->status, req->id);
  if (a->content_type) add_line(&c->out, STR("Content-Type"), str_of(a->content_type));
  if (has_body) add_length(&c->out, a->length);
  if (closes) buf_add_str(&c->out, STR("Connection: close\r\n"));
  buf_add_str(&c->out, buf_str(&x->extra));
  buf_add_str(&c->out, STR("\r\n"));
  if (has_body && req->method != HTTP_HEAD && a->length > 0) queue_payload(c, &a->payload);
  else http_payload_free(&a->payload);
  http_answer_count(x, a->status, a->length);
  c->exchange = NULL;
  c->state = closes ? CONN_CLOSING : CONN_HEAD;
  c->is_used = true;
  http_exchange_free(x);
  http_conn_schedule(c);
}

/* An answer whose headers did not fit, or whose body could not be built, must not go out in part. */
static bool is_broken(struct http_request *req, enum err body_error) {
  struct http_exchange *x = http_exchange_of(req);
  enum err e = buf_error(&x->extra) != ERR_OK ? ERR_INTERNAL : body_error;
  if (e == ERR_OK) return false;
  buf_clear(&x->extra);
  http_respond_error(req, e == ERR_LIMIT ? ERR_INTERNAL : e, NULL);
  return true;
}

void http_header(struct http_request *req, const char *name, struct str value) {
  struct buf *extra = &http_exchange_of(req)->extra;
  ASSERT(http_is_token(str_of(name)));
  buf_add_text(extra, name);
  buf_add_str(extra, STR(": "));
  char *to = buf_reserve(extra, value.len);
  if (!to) return;
  for (size_t i = 0; i < value.len; i++)
    to[i] = (unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f ? ' ' : value.ptr[i];
  buf_used(extra, value.len);
  buf_add_str(extra, STR("\r\n"));
}

void http_respond_static(struct http_request *req, int status, const char *content_type, struct str body) {
  if (is_broken(req, ERR_OK)) return;
  answer(req, &(struct answer){status, content_type, body.len, {.bytes = body, .file.fd = -1}});
}

void http_respond_buf(struct http_request *req, int status, const char *content_type, struct buf *body) {
  struct buf taken = *body;
  *body = buf_new(taken.max);
  if (is_broken(req, buf_error(&taken))) {
    buf_free(&taken);
    return;
  }
  struct str bytes = buf_str(&taken);
  answer(req, &(struct answer){status, content_type, bytes.len, {bytes, taken, {.fd = -1}}});
}

void http_respond(struct http_request *req, int status, const char *content_type, struct str body) {
  if (body.len <= HTTP_COPY_BYTES) {
    http_respond_static(req, status, content_type, body); /* copied behind its head at once */
    return;
  }
  struct buf copy = buf_new(body.len);
  buf_add_str(&copy, body);
  http_respond_buf(req, status, content_type, &copy);
}

void http_respond_file(struct http_request *req, int status, const char *content_type,
                       struct http_file file) {
  ASSERT(file.fd >= 0);
  if (is_broken(req, ERR_OK)) {
    os_close(&file.fd);
    return;
  }
  answer(req, &(struct answer){status, content_type, file.length, {.file = file}});
}

/* ---- Problems (RFC 9457) -------------------------------------------------------------------- */

void http_problem(struct buf *out, int status, enum err e, const struct err_detail *detail,
                  struct str request_id) {
  struct json_writer w = jw_new(out);
  bool has_message = detail && detail->message[0] != '\0';
  jw_object(&w);
  jw_ktext(&w, "type", "about:blank");
  jw_ktext(&w, "title", status_text(status));
  jw_kint(&w, "status", status);
  jw_ktext(&w, "code", err_code(e));
  jw_ktext(&w, "detail", has_message ? detail->message : err_text(e));
  if (detail && detail->field[0]) jw_ktext(&w, "field", detail->field);
  if (detail && detail->line) jw_kint(&w, "line", detail->line);
  if (detail && detail->column) jw_kint(&w, "column", detail->column);
  if (detail && detail->hint[0]) jw_ktext(&w, "hint", detail->hint);
  if (request_id.len > 0) jw_kstr(&w, "requestId", request_id);
  jw_object_end(&w);
}

#define PROBLEM_BYTES 8192 /* an err_detail, escaped */
static const char problem_type[] = "application/problem+json";

void http_respond_error(struct http_request *req, enum err e, const struct err_detail *detail) {
  struct buf body = buf_new(PROBLEM_BYTES);
  int status = err_http_status(e);
  http_problem(&body, status, e, detail, req->id);
  http_respond_buf(req, status, problem_type, &body);
}

static enum err err_of_status(int status) {
  switch (status) {
    case 408: return ERR_TIMEOUT;
    case 413:
    case 414:
    case 431: return ERR_LIMIT;
    case 501: return ERR_METHOD;
    case 503: return ERR_BUSY;
    default: return ERR_INVALID;
  }
}

void http_answer_refusal(struct http_conn *c, int status, const char *why) {
  struct http_server *s = c->server;
  struct http_exchange *x = c->exchange;
  struct err_detail detail;
  enum err e = err_set(&detail, err_of_status(status), NULL, 0, "%s", why);
  struct buf body BUF_AUTO = buf_new(PROBLEM_BYTES);
  http_problem(&body, status, e, &detail, x ? x->req.id : STR_NONE);
  http_answer_begin(c, status, x ? x->req.id : STR_NONE);
  add_line(&c->out, STR("Content-Type"), STR("application/problem+json"));
  add_length(&c->out, body.len);
  buf_add_str(&c->out, STR("Connection: close\r\n\r\n"));
  buf_add_str(&c->out, buf_str(&body));
  s->stats.bad_requests++;
  if (s->answered)
    s->answered(s->arg, &(struct http_answered){.path = x ? x->req.path : STR_NONE,
                                                .method = x ? x->req.method : HTTP_GET,
                                                .peer = str_of(c->peer),
                                                .id = x ? x->req.id : STR_NONE,
                                                .status = status,
                                                .body_bytes = body.len});
  if (x) http_exchange_free(x);
  c->exchange = NULL;
  c->state = CONN_CLOSING;
  c->is_refused = true;
  buf_free(&c->in);
  http_conn_schedule(c);
}
