#include "http/http_target.h"

enum { PATH = 1, QUERY = 2, HOST = 4 };
static const unsigned char classes[256] = {
    ['!'] = PATH | QUERY,
    ['$' ... '\''] = PATH | QUERY,
    ['(' ... ','] = PATH | QUERY,
    ['-' ... '.'] = PATH | QUERY | HOST,
    ['/'] = PATH | QUERY,
    ['0' ... '9'] = PATH | QUERY | HOST,
    [':' ... ';'] = PATH | QUERY,
    ['='] = PATH | QUERY,
    ['?'] = QUERY,
    ['@'] = PATH | QUERY,
    ['A' ... 'Z'] = PATH | QUERY | HOST,
    ['['] = QUERY,
    [']' ... '^'] = QUERY,
    ['_'] = PATH | QUERY | HOST,
    ['`'] = QUERY,
    ['a' ... 'z'] = PATH | QUERY | HOST,
    ['{' ... '}'] = QUERY,
    ['~'] = PATH | QUERY,
};

static bool is_all(struct str s, unsigned char wanted) {
  for (size_t i = 0; i < s.len; i++)
    if (!(classes[(unsigned char)s.ptr[i]] & wanted)) return false;
  return true;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* ---- Targets -------------------------------------------------------------------------------- */

static bool is_port(struct str s) {
  int64_t port;
  return s.len <= 5 && str_to_int(s, 1, 65535, &port);
}

/* Inside the brackets; whether it is an address that exists does not matter here. */
static bool is_ipv6(struct str s) {
  size_t colons = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == ':') colons++;
    else if (s.ptr[i] != '.' && hex_value(s.ptr[i]) < 0) return false;
  }
  return colons >= 2 && colons <= 7;
}

bool http_authority_is_valid(struct str authority) {
  struct str host = authority, rest;
  if (str_starts(authority, STR("["))) {
    size_t close = str_find_char(authority, ']');
    if (close == SIZE_MAX || !is_ipv6((struct str){authority.ptr + 1, close - 1})) return false;
    rest = str_from(authority, close + 1);
  } else {
    size_t colon = str_find_char(authority, ':');
    if (colon != SIZE_MAX) host.len = colon;
    if (host.len == 0 || host.len > 255 || !is_all(host, HOST)) return false;
    rest = str_from(authority, host.len);
  }
  return rest.len == 0 || (rest.ptr[0] == ':' && is_port(str_from(rest, 1)));
}

static bool split_query(struct str s, struct http_target *ret) {
  size_t mark = str_find_char(s, '?');
  ret->path = mark == SIZE_MAX ? s : (struct str){s.ptr, mark};
  ret->query = mark == SIZE_MAX ? (struct str){s.ptr + s.len, 0} : str_from(s, mark + 1);
  return is_all(ret->path, PATH) && is_all(ret->query, QUERY);
}

static bool parse_absolute(struct str target, struct http_target *ret) {
  static const struct str schemes[] = {STR("http://"), STR("https://")};
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    struct str head = {target.ptr, schemes[i].len};
    if (target.len < head.len || !str_eq_nocase(head, schemes[i])) continue;
    struct str rest = str_from(target, head.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    ret->authority = (struct str){rest.ptr, end};
    return http_authority_is_valid(ret->authority) && split_query(str_from(rest, end), ret);
  }
  return false;
}

bool http_target_parse(struct str target, enum http_method method, struct http_target *ret) {
  struct http_target parts = {};
  bool is_fine = false;
  if (str_eq(target, STR("*"))) {
    parts.path = target;
    parts.query = (struct str){target.ptr + 1, 0};
    is_fine = method == HTTP_OPTIONS;
  } else if (target.len > 0 && target.ptr[0] == '/') {
    is_fine = split_query(target, &parts);
  } else {
    is_fine = parse_absolute(target, &parts);
  }
  if (is_fine) *ret = parts;
  return is_fine;
}

/* ---- Decoding ------------------------------------------------------------------------------- */

/* The byte at *i, unescaped; *i moves past it. -1 for a bad escape. */
static int decode_byte(struct str raw, size_t *i, bool *ret_was_escaped) {
  char c = raw.ptr[(*i)++];
  *ret_was_escaped = c == '%';
  if (c != '%') return (unsigned char)c;
  if (raw.len - *i < 2) return -1;
  int high = hex_value(raw.ptr[*i]), low = hex_value(raw.ptr[*i + 1]);
  *i += 2;
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool decode_segment(struct str raw, char *to, size_t *ret_len) {
  size_t n = 0;
  for (size_t i = 0; i < raw.len;) {
    bool was_escaped;
    int c = decode_byte(raw, &i, &was_escaped);
    if (c < 0x20 || c == 0x7f || c == '\\' || (c == '/' && was_escaped)) return false;
    to[n++] = (char)c;
  }
  *ret_len = n;
  return true;
}

bool http_path_decode(struct str raw, char *to, size_t *ret_len) {
  if (str_eq(raw, STR("*"))) {
    to[0] = '*';
    *ret_len = 1;
    return true;
  }
  size_t n = 0;
  bool ends_in_slash = true;
  struct str rest = raw, segment;
  while (rest.ptr && str_split(&rest, '/', &segment)) {
    size_t added;
    if (!decode_segment(segment, to + n + 1, &added)) return false;
    struct str text = {to + n + 1, added};
    if (str_eq(text, STR(".."))) return false;
    ends_in_slash = added == 0 || str_eq(text, STR("."));
    if (ends_in_slash) continue;
    to[n] = '/';
    n += added + 1;
  }
  if (ends_in_slash) to[n++] = '/';
  ASSERT(n <= raw.len + 1);
  *ret_len = n;
  return str_is_utf8((struct str){to, n});
}

bool http_query_decode(struct str raw, char *to, size_t *ret_len) {
  size_t n = 0;
  for (size_t i = 0; i < raw.len;) {
    bool was_escaped;
    int c = decode_byte(raw, &i, &was_escaped);
    if (c <= 0) return false;
    to[n++] = c == '+' && !was_escaped ? ' ' : (char)c;
  }
  *ret_len = n;
  return str_is_utf8((struct str){to, n});
}

bool http_query_next(struct str *rest, struct str *ret_name, struct str *ret_value) {
  struct str piece;
  while (rest->ptr && str_split(rest, '&', &piece)) {
    if (piece.len == 0) continue;
    size_t equals = str_find_char(piece, '=');
    *ret_name = equals == SIZE_MAX ? piece : (struct str){piece.ptr, equals};
    *ret_value = equals == SIZE_MAX ? (struct str){piece.ptr + piece.len, 0} : str_from(piece, equals + 1);
    return true;
  }
  return false;
}
