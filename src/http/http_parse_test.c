/* The pure parsers over tests/http/raw_requests.def, whole and cut at every byte; every byte at every kind of
 * place; limits; and the parts: targets, paths, queries, cookies. */
#include "http/http_parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/http_chunk.h"
#include "http/http_cookie.h"
#include "http/http_target.h"
#include "tests/support/check.h"

static const struct http_head_limits limits = {.head_bytes = 512,
                                               .url_bytes = 100,
                                               .headers = 6,
                                               .body_bytes = 40};

/* ---- A reader as small as it can be: what was handed over, as text --------------------------- */

struct reader {
  struct buf in, trace, body;
  struct http_head head;
  struct http_chunks chunks;
  char request[1200]; /* the one whose body is being read */
  uint64_t body_left;
  bool is_in_body, is_done;
};

static void reader_init(struct reader *r) {
  *r = (struct reader){.in = buf_new(1 << 20), .trace = buf_new(1 << 16)};
  http_head_init(&r->head);
}

static void reader_free(struct reader *r) {
  buf_free(&r->in);
  buf_free(&r->trace);
  buf_free(&r->body);
}

static void note(struct reader *r, const char *text) {
  if (r->trace.len > 0) buf_add_text(&r->trace, " | ");
  buf_add_text(&r->trace, text);
}

static void note_refusal(struct reader *r, int status) {
  char text[16];
  (void)snprintf(text, sizeof text, "%d", status);
  note(r, text);
  r->is_done = true;
}

static void finish_request(struct reader *r) {
  note(r, r->request);
  if (r->body.len > 0) buf_addf(&r->trace, " [%.*s]", STR_ARG(buf_str(&r->body)));
  r->is_done = r->head.wants_close;
  r->is_in_body = false;
  http_head_init(&r->head);
  buf_clear(&r->body);
}

static bool are_parameters_fine(struct str query) {
  struct str rest = query, name, value;
  char text[1200];
  size_t n;
  while (http_query_next(&rest, &name, &value))
    if (!http_query_decode(name, text, &n) || !http_query_decode(value, text, &n)) return false;
  return true;
}

static size_t read_head(struct reader *r) {
  const char *base = r->in.ptr;
  enum http_parsed got = http_head_parse(&r->head, buf_str(&r->in), &limits);
  if (got == HTTP_PARSED_MORE) return 0;
  if (got == HTTP_PARSED_BAD) return note_refusal(r, r->head.status), r->in.len;
  char path[600];
  size_t n;
  struct str query = http_span_str(base, r->head.query);
  if (!http_path_decode(http_span_str(base, r->head.path), path, &n) || !are_parameters_fine(query))
    return note_refusal(r, 400), r->in.len;
  (void)snprintf(r->request, sizeof r->request, "%s %.*s %.*s%s%.*s", http_method_text(r->head.method),
                 STR_ARG(http_span_str(base, r->head.host)), (int)n, path, query.len > 0 ? "?" : "",
                 STR_ARG(query));
  size_t used = r->head.bytes;
  r->chunks = (struct http_chunks){};
  buf_free(&r->body);
  r->body = buf_new(limits.body_bytes);
  r->body_left = r->head.content_length;
  r->is_in_body = r->head.is_chunked || r->body_left > 0;
  if (!r->is_in_body) finish_request(r);
  return used;
}

static size_t read_body(struct reader *r) {
  struct str in = buf_str(&r->in);
  if (r->head.is_chunked) {
    size_t used = 0;
    enum http_parsed got = http_chunks_feed(&r->chunks, in, &r->body, &used);
    if (got == HTTP_PARSED_BAD) return note_refusal(r, r->chunks.status), in.len;
    if (got == HTTP_PARSED_DONE) finish_request(r);
    return used;
  }
  size_t n = in.len < r->body_left ? in.len : (size_t)r->body_left;
  buf_add(&r->body, in.ptr, n);
  r->body_left -= n;
  if (r->body_left == 0) finish_request(r);
  return n;
}

static void reader_feed(struct reader *r, struct str bytes) {
  /* An exact copy each time, so that a read past the end is seen and no pointer may be kept. */
  struct buf all = buf_new(1 << 20);
  buf_add_str(&all, buf_str(&r->in));
  buf_add_str(&all, bytes);
  char *exact = malloc(all.len ? all.len : 1);
  assert_non_null(exact);
  if (all.len) memcpy(exact, all.ptr, all.len);
  buf_free(&r->in);
  r->in = (struct buf){.ptr = exact, .len = all.len, .capacity = all.len ? all.len : 1, .max = 1 << 20};
  buf_free(&all);
  while (r->in.len > 0 && !r->is_done) {
    size_t used = r->is_in_body ? read_body(r) : read_head(r);
    if (used == 0) break;
    buf_drop_front(&r->in, used);
  }
}

/* raw in pieces of at most `piece` bytes, the first of `first`. The caller frees. */
static struct buf trace_of(struct str raw, size_t first, size_t piece) {
  struct reader r;
  reader_init(&r);
  size_t n = first < raw.len ? first : raw.len;
  reader_feed(&r, (struct str){raw.ptr, n});
  for (size_t at = n; at < raw.len && !r.is_done; at += n) {
    n = raw.len - at < piece ? raw.len - at : piece;
    reader_feed(&r, (struct str){raw.ptr + at, n});
  }
  struct buf trace = r.trace;
  r.trace = buf_new(1);
  reader_free(&r);
  return trace;
}

static void check_trace(int line, struct str raw, size_t first, size_t piece, const char *want) {
  struct buf trace = trace_of(raw, first, piece);
  struct str got = buf_str(&trace), wanted = str_of(want);
  if (!str_eq(got, wanted))
    fail_msg("row at line %d, cut at %zu: got \"%.*s\", wanted \"%.*s\"", line, first, STR_ARG(got),
             STR_ARG(wanted));
  buf_free(&trace);
}

/* ---- The table ------------------------------------------------------------------------------ */

struct raw_row {
  int line;
  struct str raw;
  const char *want;
};
static const struct raw_row rows[] = {
#define RAW(bytes, text) {__LINE__, {bytes, sizeof(bytes) - 1}, text},
#include "tests/http/raw_requests.def"
#undef RAW
};
#define ROWS (sizeof rows / sizeof rows[0])

static void raw_requests_become_what_the_table_says(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS; i++) check_trace(rows[i].line, rows[i].raw, rows[i].raw.len, 1, rows[i].want);
}

static void cutting_anywhere_changes_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS; i++) {
    check_trace(rows[i].line, rows[i].raw, 0, 1, rows[i].want);
    for (size_t cut = 1; cut < rows[i].raw.len; cut++)
      check_trace(rows[i].line, rows[i].raw, cut, SIZE_MAX, rows[i].want);
  }
}

/* Every byte at one place of a request: before, the byte, after; and the bytes that pass, by the grammar of the
 * RFCs, written out. */
#define ALPHANUMERIC "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKENS ALPHANUMERIC "!#$%&'*+-.^_`|~"
#define VISIBLE TOKENS "\"(),/:;<=>?@[\\]{}"

struct place {
  int line;
  const char *before, *after, *passes;
  bool takes_obs_text;        /* 0x80–0xff too */
  int want_pass, want_refuse; /* status, 0 = handed over, -1 = more must come */
};
static const struct place places[] = {
    {__LINE__, "X", "T / HTTP/1.1\r\nHost: a\r\n\r\n", TOKENS, false, 501, 400},
    {__LINE__, "GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n", ALPHANUMERIC "-._~!$&'()*+,;=:@/?", false, 0, 400},
    {__LINE__, "GET /?a", "b HTTP/1.1\r\nHost: a\r\n\r\n", ALPHANUMERIC "-._~!$&'()*+,;=:@/?[]{}|^`", false,
     0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a\r\nX", "Y: z\r\n\r\n", TOKENS ":", false, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a\r\nX", ": z\r\n\r\n", TOKENS ":", false, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a\r\n", "X: z\r\n\r\n", TOKENS, false, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a\r\nX: y", "z\r\n\r\n", VISIBLE " \t", true, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n", ALPHANUMERIC "-._", false, 0, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1", "0\r\n\r\nxxxxxxxxxx", "0123456789", false,
     413, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ", "chunked\r\n\r\n0\r\n\r\n", " \t", false,
     0, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "\r\n\r\n0\r\n\r\n", " \t", false,
     0, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chu", "nked\r\n\r\n0\r\n\r\n", "", false, 0,
     400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1", "\r\n",
     "0123456789abcdefABCDEF;", false, -1, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;", "\r\n\r\n",
     VISIBLE " \t", true, 0, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx", "\r\n0\r\n\r\n", "",
     false, 0, 400},
    {__LINE__, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:", "\r\n\r\n",
     VISIBLE " \t", true, 0, 400},
    {__LINE__, "GET / HTTP/1", "1\r\nHost: a\r\n\r\n", ".", false, 0, 400},
    {__LINE__, "GET", "/ HTTP/1.1\r\nHost: a\r\n\r\n", " ", false, 0, 400},
    {__LINE__, "GET / HTTP/1.1", "\r\nHost: a\r\n\r\n", "", false, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r", "Host: a\r\n\r\n", "\n", false, 0, 400},
    {__LINE__, "GET / HTTP/1.1\r\nHost: a\r\n\r", "", "\n", false, 0, 400},
};

static int status_of(struct str trace) {
  int64_t status = 0;
  if (!str_to_int(trace, 100, 599, &status)) return trace.len > 0 ? 0 : -1;
  return (int)status;
}

static bool does_pass(const struct place *p, unsigned char byte) {
  return (byte != 0 && strchr(p->passes, byte)) || (p->takes_obs_text && byte >= 0x80);
}

static void check_byte(const struct place *p, unsigned char byte) {
  struct buf raw = buf_new(1024);
  buf_add_text(&raw, p->before);
  buf_add_char(&raw, (char)byte);
  buf_add_text(&raw, p->after);
  int want = does_pass(p, byte) ? p->want_pass : p->want_refuse;
  struct buf whole = trace_of(buf_str(&raw), raw.len, 1), bytewise = trace_of(buf_str(&raw), 1, 1);
  if (status_of(buf_str(&whole)) != want)
    fail_msg("place at line %d, byte 0x%02x: got \"%.*s\", wanted %d", p->line, byte,
             STR_ARG(buf_str(&whole)), want);
  CHECK_STR(buf_str(&bytewise), buf_str(&whole));
  buf_free(&whole);
  buf_free(&bytewise);
  buf_free(&raw);
}

static void every_byte_at_every_place_is_judged_by_the_grammar(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    for (int byte = 0; byte < 256; byte++) check_byte(&places[i], (unsigned char)byte);
}

/* A header of the head placed at the very limit passes, one byte more does not. */
static void limits_are_exact(void **state) {
  (void)state;
  static const struct {
    int line, extra;
    const char *want;
  } table[] = {{__LINE__, -1, "GET a /"}, {__LINE__, 0, "GET a /"}, {__LINE__, 3, "431"}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct buf raw = buf_new(4096);
    buf_add_text(&raw, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (raw.len + 4 < (size_t)((int)limits.head_bytes + table[i].extra)) buf_add_char(&raw, 'x');
    buf_add_text(&raw, "\r\n\r\n");
    check_trace(table[i].line, buf_str(&raw), raw.len, 1, table[i].want);
    buf_free(&raw);
  }
}

static void trailers_are_bounded(void **state) {
  (void)state;
  static const struct {
    int line;
    size_t bytes;
    const char *want;
  } table[] = {{__LINE__, LIMIT_HTTP_TRAILER_BYTES - 8, "POST a /"},
               {__LINE__, LIMIT_HTTP_TRAILER_BYTES, "431"}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct buf raw = buf_new(8192);
    buf_add_text(&raw, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ");
    for (size_t n = 0; n < table[i].bytes; n++) buf_add_char(&raw, 'x');
    buf_add_text(&raw, "\r\n\r\n");
    check_trace(table[i].line, buf_str(&raw), raw.len, 1, table[i].want);
    buf_free(&raw);
  }
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static void query_values_are_decoded_once(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *raw, *want; /* NULL: refused */
  } table[] = {
      {__LINE__, "", ""},
      {__LINE__, "a+b", "a b"},
      {__LINE__, "a%2Bb", "a+b"},
      {__LINE__, "%25%32", "%2"},
      {__LINE__, "%2541", "%41"},
      {__LINE__, "%e2%82%ac", "\xe2\x82\xac"},
      {__LINE__, "%0a", "\n"},
      {__LINE__, "%00", NULL},
      {__LINE__, "%", NULL},
      {__LINE__, "%1", NULL},
      {__LINE__, "%G1", NULL},
      {__LINE__, "%e2%82", NULL},
      {__LINE__, "%ed%a0%80", NULL},
      {__LINE__, "a%", NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char text[64];
    size_t n = 0;
    bool is_fine = http_query_decode(str_of(table[i].raw), text, &n);
    CHECK_ROW(table[i].line, is_fine == (table[i].want != NULL));
    if (is_fine) CHECK_ROW(table[i].line, str_eq((struct str){text, n}, str_of(table[i].want)));
  }
}

static void queries_fall_into_pairs(void **state) {
  (void)state;
  struct str rest = STR("a=1&&b&c==d&=e&"), name, value;
  static const struct str want[][2] = {
      {STR("a"), STR("1")}, {STR("b"), STR("")}, {STR("c"), STR("=d")}, {STR(""), STR("e")}};
  for (size_t i = 0; i < 4; i++) {
    assert_true(http_query_next(&rest, &name, &value));
    CHECK_STR(name, want[i][0]);
    CHECK_STR(value, want[i][1]);
    assert_non_null(value.ptr);
  }
  assert_false(http_query_next(&rest, &name, &value));
}

static void cookies_are_found(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *header, *want; /* of the cookie "s" */
  } table[] = {
      {__LINE__, "s=1", "1"},         {__LINE__, "a=2; s=1; b=3", "1"},
      {__LINE__, "a=2;s=1", "1"},     {__LINE__, "s=\"1\"", "1"},
      {__LINE__, "s=", ""},           {__LINE__, "s=a=b", "a=b"},
      {__LINE__, "s=1; s=1", "1"},    {__LINE__, "s=1; s=2", NULL},
      {__LINE__, "S=1", NULL},        {__LINE__, "xs=1", NULL},
      {__LINE__, "s", NULL},          {__LINE__, "", NULL},
      {__LINE__, "s=a b", NULL},      {__LINE__, "s=a,b", NULL},
      {__LINE__, "s=\"a", NULL},      {__LINE__, "s=\xc3\xa9", NULL},
      {__LINE__, "__Host-s=1", NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct str got = http_cookie_find(str_of(table[i].header), STR("s"));
    CHECK_ROW(table[i].line, (got.ptr != NULL) == (table[i].want != NULL));
    CHECK_ROW(table[i].line, str_eq(got, str_of(table[i].want)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(raw_requests_become_what_the_table_says),
      cmocka_unit_test(cutting_anywhere_changes_nothing),
      cmocka_unit_test(every_byte_at_every_place_is_judged_by_the_grammar),
      cmocka_unit_test(limits_are_exact),
      cmocka_unit_test(trailers_are_bounded),
      cmocka_unit_test(query_values_are_decoded_once),
      cmocka_unit_test(queries_fall_into_pairs),
      cmocka_unit_test(cookies_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
