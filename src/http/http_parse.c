#include "http/http_parse.h"

#include "http/http_target.h"

/* "METHOD SP" and "SP HTTP/1.1" around a target of the greatest length. */
#define REQUEST_LINE_EXTRA_BYTES 48

/* Classes of bytes: a token (RFC 9110 5.6.2), and what may stand in a line at all. */
enum { TOKEN = 1, TEXT = 2 };
static const unsigned char classes[256] = {
    ['\t'] = TEXT,
    [' '] = TEXT,
    ['"'] = TEXT,
    ['(' ... ')'] = TEXT,
    [','] = TEXT,
    ['/'] = TEXT,
    [':' ... '@'] = TEXT,
    ['[' ... ']'] = TEXT,
    ['{'] = TEXT,
    ['}'] = TEXT,
    [0x80 ... 0xff] = TEXT,
    ['!'] = TEXT | TOKEN,
    ['#' ... '\''] = TEXT | TOKEN,
    ['*' ... '+'] = TEXT | TOKEN,
    ['-' ... '.'] = TEXT | TOKEN,
    ['0' ... '9'] = TEXT | TOKEN,
    ['A' ... 'Z'] = TEXT | TOKEN,
    ['^' ... 'z'] = TEXT | TOKEN,
    ['|'] = TEXT | TOKEN,
    ['~'] = TEXT | TOKEN,
};

static bool has_class(char c, unsigned char wanted) { return (classes[(unsigned char)c] & wanted) != 0; }

bool http_is_token(struct str s) {
  for (size_t i = 0; i < s.len; i++)
    if (!has_class(s.ptr[i], TOKEN)) return false;
  return s.len > 0;
}

static const char *const method_names[HTTP_METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                            "PATCH", "DELETE", "OPTIONS"};

const char *http_method_text(enum http_method method) {
  ASSERT(method < HTTP_METHOD_COUNT);
  return method_names[method];
}

static bool find_method(struct str name, enum http_method *ret) {
  for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
    if (!str_eq(name, str_of(method_names[m]))) continue;
    *ret = (enum http_method)m;
    return true;
  }
  return false;
}

void http_head_init(struct http_head *h) { memset(h, 0, offsetof(struct http_head, fields)); }

static enum http_parsed bad(struct http_head *h, int status, const char *why) {
  ASSERT(h->status == 0);
  h->status = status;
  h->why = why;
  return HTTP_PARSED_BAD;
}

/* ---- Request line --------------------------------------------------------------------------- */

static enum http_parsed read_version(struct http_head *h, struct str v) {
  if (str_eq(v, STR("HTTP/1.1"))) return HTTP_PARSED_DONE;
  if (str_eq(v, STR("HTTP/1.0"))) {
    h->is_http10 = h->wants_close = true;
    return HTTP_PARSED_DONE;
  }
  bool is_version = v.len == 8 && str_starts(v, STR("HTTP/")) && v.ptr[5] >= '0' && v.ptr[5] <= '9' &&
                    v.ptr[6] == '.' && v.ptr[7] >= '0' && v.ptr[7] <= '9';
  return is_version ? bad(h, 505, "the HTTP version is neither 1.1 nor 1.0")
                    : bad(h, 400, "the request line does not end in HTTP/1.1");
}

static struct http_span span_of(const char *base, struct str s) {
  return (struct http_span){s.len ? (uint32_t)(s.ptr - base) : 0, (uint32_t)s.len};
}

static enum http_parsed read_request_line(struct http_head *h, const char *base, struct str line,
                                          const struct http_head_limits *limits) {
  struct str rest = line, method, target;
  if (!str_split(&rest, ' ', &method) || !http_is_token(method)) return bad(h, 400, "the method is no token");
  if (!str_split(&rest, ' ', &target) || target.len == 0 || !rest.ptr || rest.len == 0)
    return bad(h, 400, "the request line is not method, target and version");
  if (target.len > limits->url_bytes) return bad(h, 414, "the request target is too long");
  if (read_version(h, rest) != HTTP_PARSED_DONE) return HTTP_PARSED_BAD;
  if (!find_method(method, &h->method)) return bad(h, 501, "the method is not implemented");
  struct http_target parts;
  if (!http_target_parse(target, h->method, &parts)) return bad(h, 400, "the request target is malformed");
  h->target = span_of(base, target);
  h->path = span_of(base, parts.path);
  h->query = span_of(base, parts.query);
  h->host = span_of(base, parts.authority);
  return HTTP_PARSED_DONE;
}

/* ---- Headers -------------------------------------------------------------------------------- */

enum header {
  HEADER_HOST,
  HEADER_CONTENT_LENGTH,
  HEADER_TRANSFER_ENCODING,
  HEADER_CONNECTION,
  HEADER_EXPECT,
  HEADER_OTHER_SINGLE /* the first of those that only must not be repeated */
};
/* Repeating any of these but Connection is ambiguous. */
static const struct str single_headers[] = {
    [HEADER_HOST] = STR("host"),
    [HEADER_CONTENT_LENGTH] = STR("content-length"),
    [HEADER_TRANSFER_ENCODING] = STR("transfer-encoding"),
    [HEADER_CONNECTION] = STR("connection"),
    [HEADER_EXPECT] = STR("expect"),
    [HEADER_OTHER_SINGLE] = STR("authorization"),
    STR("content-type"),
    STR("cookie"),
    STR("idempotency-key"),
    STR("if-match"),
    STR("if-none-match"),
    STR("origin"),
    STR("prefer"),
    STR("range"),
};
#define SINGLE_COUNT (sizeof single_headers / sizeof single_headers[0])
_Static_assert(SINGLE_COUNT <= 32, "the set of seen headers is 32 bits");

static bool was_seen(const struct http_head *h, enum header which) { return (h->seen & 1u << which) != 0; }

static enum http_parsed read_length(struct http_head *h, struct str value) {
  uint64_t n = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.ptr[i] < '0' || value.ptr[i] > '9') return bad(h, 400, "Content-Length is not digits only");
    if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(value.ptr[i] - '0'), &n))
      return bad(h, 413, "the body is too long");
  }
  if (value.len == 0) return bad(h, 400, "Content-Length is empty");
  h->content_length = n;
  return HTTP_PARSED_DONE;
}

static void read_connection(struct http_head *h, struct str value) {
  struct str rest = value, option;
  while (rest.ptr && str_split(&rest, ',', &option))
    if (str_eq_nocase(str_trim(option), STR("close"))) h->wants_close = true;
}

static enum http_parsed read_special(struct http_head *h, enum header which, const char *base,
                                     struct str value) {
  switch (which) {
    case HEADER_HOST:
      if (!http_authority_is_valid(value)) return bad(h, 400, "Host is malformed");
      if (h->host.len == 0) h->host = span_of(base, value); /* an absolute target wins (RFC 9112 3.2.2) */
      return HTTP_PARSED_DONE;
    case HEADER_CONTENT_LENGTH: return read_length(h, value);
    case HEADER_TRANSFER_ENCODING:
      if (!str_eq_nocase(value, STR("chunked")))
        return bad(h, 400, "Transfer-Encoding is not exactly chunked");
      h->is_chunked = true;
      return HTTP_PARSED_DONE;
    case HEADER_CONNECTION: read_connection(h, value); return HTTP_PARSED_DONE;
    case HEADER_EXPECT:
      if (!str_eq_nocase(value, STR("100-continue"))) return bad(h, 417, "Expect is not 100-continue");
      h->expects_continue = !h->is_http10; /* RFC 9110 10.1.1: of HTTP/1.0 it is ignored */
      return HTTP_PARSED_DONE;
    case HEADER_OTHER_SINGLE: return HTTP_PARSED_DONE;
  }
  ASSERT(false);
  return HTTP_PARSED_BAD;
}

static struct str trim_blanks(struct str s) {
  while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s.ptr++, s.len--;
  while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
  return s;
}

static enum http_parsed read_field(struct http_head *h, const char *base, struct str line,
                                   const struct http_head_limits *limits) {
  size_t colon = 0;
  while (colon < line.len && has_class(line.ptr[colon], TOKEN)) colon++;
  if (colon == 0 || colon == line.len || line.ptr[colon] != ':')
    return bad(h, 400, "a header line is not a token, a colon and a value");
  if (h->field_count == limits->headers) return bad(h, 431, "there are too many headers");
  struct str name = {line.ptr, colon}, value = trim_blanks(str_from(line, colon + 1));
  h->fields[h->field_count++] = (struct http_field){{(uint32_t)(name.ptr - base), (uint32_t)name.len},
                                                    {(uint32_t)(value.ptr - base), (uint32_t)value.len}};
  for (unsigned i = 0; i < SINGLE_COUNT; i++) {
    if (single_headers[i].len != name.len || !str_eq_nocase(single_headers[i], name)) continue;
    if (was_seen(h, i) && i != HEADER_CONNECTION)
      return bad(h, 400, "a header that must be single is repeated");
    h->seen |= 1u << i;
    return read_special(h, i < HEADER_OTHER_SINGLE ? (enum header)i : HEADER_OTHER_SINGLE, base, value);
  }
  return HTTP_PARSED_DONE;
}

/* What only the whole head shows. */
static enum http_parsed finish(struct http_head *h, const struct http_head_limits *limits) {
  if (!h->is_http10 && !was_seen(h, HEADER_HOST)) return bad(h, 400, "Host is missing");
  if (was_seen(h, HEADER_CONTENT_LENGTH) && h->is_chunked)
    return bad(h, 400, "both Content-Length and Transfer-Encoding are given");
  if (h->is_http10 && h->is_chunked) return bad(h, 400, "Transfer-Encoding in HTTP/1.0");
  if (h->content_length > limits->body_bytes) return bad(h, 413, "the body is too long");
  h->bytes = h->at;
  return HTTP_PARSED_DONE;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static const char *why_refused(char c) {
  switch (c) {
    case '\r': return "a CR without LF";
    case '\n': return "a LF without CR";
    default: return "a control character in the head";
  }
}

/* Goes on to the end of the current line. DONE: *ret_line is it, without CR LF, h->at after it. */
static enum http_parsed next_line(struct http_head *h, struct str bytes,
                                  const struct http_head_limits *limits, struct str *ret_line) {
  bool is_first = h->lines == 0;
  size_t most =
      is_first ? h->line_start + (size_t)limits->url_bytes + REQUEST_LINE_EXTRA_BYTES : limits->head_bytes;
  if (most > limits->head_bytes) most = limits->head_bytes;
  size_t end = bytes.len < most ? bytes.len : most;
  size_t at = h->at;
  while (at < end && has_class(bytes.ptr[at], TEXT)) at++;
  h->at = (uint32_t)at;
  if (at >= most)
    return is_first ? bad(h, 414, "the request line is too long") : bad(h, 431, "the headers are too long");
  if (at == bytes.len) return HTTP_PARSED_MORE;
  if (bytes.ptr[at] != '\r') return bad(h, 400, why_refused(bytes.ptr[at]));
  if (at + 1 == bytes.len) return HTTP_PARSED_MORE;
  if (bytes.ptr[at + 1] != '\n') return bad(h, 400, why_refused('\r'));
  *ret_line = (struct str){bytes.ptr + h->line_start, at - h->line_start};
  h->at = h->line_start = (uint32_t)(at + 2);
  return HTTP_PARSED_DONE;
}

enum http_parsed http_head_parse(struct http_head *h, struct str bytes,
                                 const struct http_head_limits *limits) {
  ASSERT(h->status == 0 && limits->headers <= LIMIT_HTTP_HEADERS && h->at <= bytes.len);
  for (;;) {
    struct str line;
    enum http_parsed got = next_line(h, bytes, limits, &line);
    if (got != HTTP_PARSED_DONE) return got;
    if (line.len == 0 && h->lines > 0) return finish(h, limits);
    if (line.len == 0 && !h->has_blank) {
      h->has_blank = true;
      continue;
    }
    bool is_first = h->lines++ == 0;
    got = is_first ? read_request_line(h, bytes.ptr, line, limits) : read_field(h, bytes.ptr, line, limits);
    if (got != HTTP_PARSED_DONE) return got;
  }
}
