#include "api/mask_text.h"

#include <string.h>

#include "api/mask.h"

#define SPANS_MAX 256 /* in one text; a longer list of secrets is one secret from there on */

struct span { /* of a text: where a secret lies, and what it is called */
  struct str name;
  size_t start, end;
};

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

/* Short names that mean a secret in a query and nothing elsewhere. */
static bool is_secret_in_query(struct str name) {
  static const char *const names[] = {"key", "sig", "signature", "auth",   "pass",
                                      "pwd", "sas", "code",      "session"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (str_eq_nocase(name, str_of(names[i]))) return true;
  return str_find(name, STR("-Signature")) != SIZE_MAX || mask_is_secret_key(name);
}

static size_t skip_until(struct str text, size_t at, const char *ends) {
  while (at < text.len && (!text.ptr[at] || !strchr(ends, text.ptr[at]))) at++;
  return at;
}

/* at is behind "://": user:PASSWORD@, or a token alone before the @. */
static bool find_user(struct str text, size_t at, struct span *ret) {
  size_t colon = SIZE_MAX, last = SIZE_MAX;
  size_t end = skip_until(text, at, "/?# \t\r\n\"'");
  for (size_t i = at; i < end; i++) {
    if (text.ptr[i] == ':' && colon == SIZE_MAX) colon = i;
    if (text.ptr[i] == '@') last = i;
  }
  if (colon == SIZE_MAX || last == SIZE_MAX || last < colon) return false;
  *ret = (struct span){STR("://"), colon + 1, last};
  return true;
}

/* at is behind NAME=: a quoted value to its quote, else a word; within a query up to what follows. */
static struct span value_after_equals(struct str text, struct str name, size_t at, bool is_query) {
  char quote = at < text.len && (text.ptr[at] == '"' || text.ptr[at] == '\'') ? text.ptr[at] : '\0';
  size_t start = at + (quote != '\0');
  size_t end = skip_until(text, start,
                          quote == '"' ? "\""
                          : quote      ? "'"
                          : is_query   ? "&# \t\r\n\"'"
                                       : " \t\r\n\"';&|");
  return (struct span){name, start, end};
}

/* at is at the colon of "Name: value", as headers are written: to the quote that ends it, or the line. */
static bool value_after_colon(struct str text, struct str name, size_t at, struct span *ret) {
  if (at + 1 >= text.len || text.ptr[at + 1] != ' ') return false;
  size_t start = at + 1;
  while (start < text.len && text.ptr[start] == ' ') start++;
  *ret = (struct span){name, start, skip_until(text, start, "\"'\r\n")};
  return true;
}

/* "name": "value" in a text that holds JSON, also inside a quoted text (\"name\": \"value\"). at is behind the name. */
static bool value_in_json(struct str text, struct str name, size_t at, struct span *ret) {
  bool is_escaped = text.ptr[at] == '\\';
  if (is_escaped) at++;
  if (at >= text.len || text.ptr[at] != '"') return false;
  at++;
  while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t')) at++;
  if (at >= text.len || text.ptr[at] != ':') return false;
  at++;
  while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t')) at++;
  if (is_escaped && at < text.len && text.ptr[at] == '\\') at++;
  if (at >= text.len || text.ptr[at] != '"') { /* a number, true, a list */
    *ret = (struct span){name, at, skip_until(text, at, ",}] \t\r\n")};
    return true;
  }
  size_t end = at + 1;
  while (end < text.len && text.ptr[end] != (is_escaped ? '\\' : '"')) end += text.ptr[end] == '\\' ? 2 : 1;
  *ret = (struct span){name, at + 1, end < text.len ? end : text.len};
  return true;
}

/* A name ends at `at`: is what follows it its secret? */
static bool find_value(struct str text, bool is_entry, size_t begin, size_t at, struct span *ret) {
  struct str name = {text.ptr + begin, at - begin};
  bool is_query = begin > 0 && (text.ptr[begin - 1] == '?' || text.ptr[begin - 1] == '&');
  if (text.ptr[at] == '=') {
    if (!(is_query ? is_secret_in_query(name) : mask_is_secret_key(name))) return false;
    *ret = is_entry && begin == 0 ? (struct span){name, at + 1, text.len}
                                  : value_after_equals(text, name, at + 1, is_query);
    return true;
  }
  if (!mask_is_secret_key(name)) return false;
  return text.ptr[at] == ':' ? value_after_colon(text, name, at, ret) : value_in_json(text, name, at, ret);
}

/* The first secret at or behind `from` that is not empty. */
static bool next_span(struct str text, bool is_entry, size_t from, struct span *ret) {
  size_t begin = from; /* of the name at hand */
  for (size_t i = from; i < text.len; i++) {
    struct span s;
    bool is_found = false;
    if (is_name_char(text.ptr[i])) continue;
    if (i > begin && text.ptr[i] && strchr("=:\"\\", text.ptr[i]))
      is_found = find_value(text, is_entry, begin, i, &s);
    if (!is_found && str_starts(str_from(text, i), STR("://"))) is_found = find_user(text, i + 3, &s);
    if (is_found && s.end > s.start) {
      *ret = s;
      return true;
    }
    begin = i + 1;
  }
  return false;
}

bool mask_text(struct str text, bool is_entry, struct buf *out) {
  struct span s;
  size_t at = 0, count = 0;
  while (next_span(text, is_entry, at, &s)) {
    buf_add(out, text.ptr + at, s.start - at);
    buf_add_text(out, MASK);
    at = ++count == SPANS_MAX ? text.len : s.end;
  }
  if (count == 0) return false;
  buf_add_str(out, str_from(text, at));
  return true;
}

static struct str span_text(struct str text, const struct span *s) {
  return (struct str){text.ptr + s->start, s->end - s->start};
}

/* The n-th secret of this name, from 0. */
static bool nth_of_name(struct str text, bool is_entry, struct str name, size_t n, struct str *ret) {
  struct span s;
  size_t count = 0;
  for (size_t at = 0; count++ < SPANS_MAX && next_span(text, is_entry, at, &s); at = s.end) {
    if (!str_eq(s.name, name) || n-- > 0) continue;
    *ret = span_text(text, &s);
    return true;
  }
  return false;
}

/* How many of this name stand before `end`. */
static size_t count_before(struct str text, bool is_entry, struct str name, size_t end) {
  struct span s;
  size_t n = 0, count = 0;
  for (size_t at = 0; count++ < SPANS_MAX && next_span(text, is_entry, at, &s) && s.start < end; at = s.end)
    n += str_eq(s.name, name);
  return n;
}

bool mask_text_restore(struct str now, struct str was, bool is_entry, struct buf *out) {
  struct span s;
  size_t at = 0, done = 0, replaced = 0, count = 0;
  for (; count++ < SPANS_MAX && next_span(now, is_entry, at, &s); at = s.end) {
    struct str secret;
    if (!str_eq(span_text(now, &s), STR(MASK))) continue;
    if (!nth_of_name(was, is_entry, s.name, count_before(now, is_entry, s.name, s.start), &secret)) continue;
    buf_add(out, now.ptr + done, s.start - done);
    buf_add_str(out, secret);
    done = s.end;
    replaced++;
  }
  if (replaced == 0) return false;
  buf_add_str(out, str_from(now, done));
  return true;
}

bool mask_text_has_mask(struct str text, bool is_entry) {
  struct span s;
  size_t count = 0;
  for (size_t at = 0; count++ < SPANS_MAX && next_span(text, is_entry, at, &s); at = s.end)
    if (str_eq(span_text(text, &s), STR(MASK))) return true;
  return false;
}
