#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/limits.h"

/* jansson has its own recursion limit (2048); ours is smaller and counted beforehand, so that a
 * hostile text is refused before a tree is built. */
static bool is_too_deep(struct str text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (in_string) {
      if (c == '\\') i++;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > LIMIT_JSON_DEPTH) return true;
    } else if (c == '}' || c == ']') {
      depth--;
    }
  }
  return false;
}

/* ---- texts that cannot be one: the parser's words for them are not for people, and name no field ---- */

/* Of the string that begins at the quote at from: the place of its closing quote, or of the text's end. */
static size_t string_end(struct str text, size_t from) {
  size_t i = from + 1;
  while (i < text.len && text.ptr[i] != '"') i += text.ptr[i] == '\\' ? 2 : 1;
  return i < text.len ? i : text.len;
}

static const char *what_is_wrong_with(struct str inside) {
  if (!str_is_utf8(inside)) return "bytes that are not UTF-8";
  if (str_find_char(inside, 0) != SIZE_MAX) return "a NUL byte";
  for (size_t i = 0; i + 1 < inside.len; i++) {
    if (inside.ptr[i] != '\\') continue;
    if (str_starts(str_from(inside, i), STR("\\u0000"))) return "the character U+0000";
    i++;
  }
  return NULL;
}

static bool is_key(struct str text, size_t end) {
  size_t i = end + 1;
  while (i < text.len && strchr(" \t\r\n", text.ptr[i])) i++;
  return i < text.len && text.ptr[i] == ':';
}

/* Of a text that was refused: says so if it is for a string that holds what no text may hold. */
static bool tell_bad_string(struct str text, struct err_detail *detail) {
  struct str key = STR("");
  int line = 1;
  for (size_t i = 0, line_at = 0; i < text.len; i++) {
    if (text.ptr[i] == '\n') line++, line_at = i + 1;
    if (text.ptr[i] != '"') continue;
    size_t end = string_end(text, i);
    struct str inside = {text.ptr + i + 1, end - i - (end > i)};
    bool is_name = is_key(text, end);
    const char *why = what_is_wrong_with(inside);
    if (why) {
      char field[ERR_FIELD_MAX];
      if (is_name || !str_copy(field, sizeof field, key)) field[0] = 0;
      (void)err_set(detail, ERR_INVALID, field, (int)(i - line_at) + 1,
                    "%s holds %s; texts are UTF-8 without NUL", is_name ? "a name" : "this text", why);
      if (detail) detail->line = line;
      return true;
    }
    if (is_name) key = inside;
    i = end;
  }
  return false;
}

enum err json_parse(struct str text, json_t **ret, struct err_detail *detail) {
  if (is_too_deep(text))
    return err_set(detail, ERR_INVALID, NULL, 0, "JSON is nested deeper than %d levels", LIMIT_JSON_DEPTH);
  /* jansson reads past a NUL that ends a number or a word, as if it were not there */
  if (str_find_char(text, 0) != SIZE_MAX)
    return tell_bad_string(text, detail)
               ? ERR_INVALID
               : err_set(detail, ERR_INVALID, NULL, 0, "not valid JSON: a NUL byte between its values");
  json_error_t error;
  json_t *value =
      json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!value) {
    if (tell_bad_string(text, detail)) return ERR_INVALID;
    enum err e = err_set(detail, ERR_INVALID, NULL, error.column, "not valid JSON: %s", error.text);
    if (detail) detail->line = error.line;
    return e;
  }
  *ret = value;
  return ERR_OK;
}

struct str json_text_at(const json_t *object, const char *key) {
  const json_t *v = json_object_get(object, key);
  if (!json_is_string(v)) return STR_NONE;
  return (struct str){json_string_value(v), json_string_length(v)};
}

int64_t json_int_at(const json_t *object, const char *key, int64_t otherwise) {
  const json_t *v = json_object_get(object, key);
  return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

bool json_bool_at(const json_t *object, const char *key, bool otherwise) {
  const json_t *v = json_object_get(object, key);
  return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void separate(struct json_writer *w) {
  if (w->needs_comma) buf_add_char(w->out, ',');
  w->needs_comma = true;
}

static void open_scope(struct json_writer *w, char bracket) {
  separate(w);
  ASSERT(w->depth < LIMIT_JSON_DEPTH);
  w->depth++;
  buf_add_char(w->out, bracket);
  w->needs_comma = false;
}

static void close_scope(struct json_writer *w, char bracket) {
  ASSERT(w->depth > 0);
  w->depth--;
  buf_add_char(w->out, bracket);
  w->needs_comma = true;
}

void jw_object(struct json_writer *w) { open_scope(w, '{'); }
void jw_object_end(struct json_writer *w) { close_scope(w, '}'); }
void jw_array(struct json_writer *w) { open_scope(w, '['); }
void jw_array_end(struct json_writer *w) { close_scope(w, ']'); }

static void write_quoted(struct buf *out, struct str s) {
  static const char hex[] = "0123456789abcdef";
  buf_add_char(out, '"');
  for (size_t i = 0, start = 0; i <= s.len; i++) {
    unsigned char c = i < s.len ? (unsigned char)s.ptr[i] : '"';
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
    buf_add(out, s.ptr + start, i - start);
    start = i + 1;
    if (i == s.len) break;
    if (c == '"' || c == '\\') buf_add(out, (char[]){'\\', (char)c}, 2);
    else if (c == '\n') buf_add(out, "\\n", 2);
    else if (c == '\t') buf_add(out, "\\t", 2);
    else if (c == '\r') buf_add(out, "\\r", 2);
    else buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
  }
  buf_add_char(out, '"');
}

/* Rare path: job output that is not UTF-8. Every bad byte becomes U+FFFD. */
static void write_repaired(struct buf *out, struct str s) {
  BUF_AUTO struct buf fixed = buf_new(s.len * 3 + 1);
  for (size_t i = 0; i < s.len;) {
    size_t n = 1;
    while (n <= 4 && i + n <= s.len && !str_is_utf8((struct str){s.ptr + i, n})) n++;
    bool is_good = n <= 4 && i + n <= s.len;
    if (is_good) buf_add(&fixed, s.ptr + i, n);
    else buf_add_text(&fixed, "\xEF\xBF\xBD");
    i += is_good ? n : 1;
  }
  write_quoted(out, buf_str(&fixed));
}

void jw_key(struct json_writer *w, const char *key) {
  separate(w);
  write_quoted(w->out, str_of(key));
  buf_add_char(w->out, ':');
  w->needs_comma = false;
}

void jw_str(struct json_writer *w, struct str s) {
  separate(w);
  if (!s.ptr) buf_add_text(w->out, "null");
  else if (str_is_utf8(s)) write_quoted(w->out, s);
  else write_repaired(w->out, s);
}

void jw_text(struct json_writer *w, const char *text) { jw_str(w, str_of(text)); }

void jw_int(struct json_writer *w, int64_t value) {
  separate(w);
  buf_add_int(w->out, value);
}

void jw_real(struct json_writer *w, double value) {
  separate(w);
  if (!isfinite(value)) {
    buf_add_text(w->out, "null");
    return;
  }
  char text[32];
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  buf_add_text(w->out, text);
}

void jw_bool(struct json_writer *w, bool value) { jw_raw(w, value ? STR("true") : STR("false")); }
void jw_null(struct json_writer *w) { jw_raw(w, STR("null")); }

void jw_raw(struct json_writer *w, struct str json) {
  separate(w);
  buf_add_str(w->out, json);
}

/* A real stays one: 5.0, not 5. */
static void write_real(struct json_writer *w, double value) {
  size_t start = w->out->len;
  jw_real(w, value);
  for (size_t i = start; i < w->out->len; i++)
    if (memchr(".eln", w->out->ptr[i], 4)) return;
  buf_add_text(w->out, ".0");
}

/* The depth is bounded by json_parse, or by who made the tree. */
void jw_value(struct json_writer *w, const json_t *value) {
  const char *key;
  json_t *member;
  size_t i;
  switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
      jw_object(w);
      json_object_foreach((json_t *)(uintptr_t)value, key, member) jw_key(w, key), jw_value(w, member);
      jw_object_end(w);
      break;
    case JSON_ARRAY:
      jw_array(w);
      json_array_foreach(value, i, member) jw_value(w, member);
      jw_array_end(w);
      break;
    case JSON_STRING: jw_str(w, (struct str){json_string_value(value), json_string_length(value)}); break;
    case JSON_INTEGER: jw_int(w, json_integer_value(value)); break;
    case JSON_REAL: write_real(w, json_real_value(value)); break;
    case JSON_TRUE:
    case JSON_FALSE: jw_bool(w, json_is_true(value)); break;
    case JSON_NULL: jw_null(w); break;
  }
}

char *json_to_text(const json_t *value) {
  if (!value) return NULL;
  BUF_AUTO struct buf out = buf_new(JSON_TEXT_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_value(&w, value);
  return buf_error(&out) == ERR_OK ? str_dup(buf_str(&out)) : NULL;
}

void jw_instant(struct json_writer *w, int64_t epoch_ms) {
  struct instant_text t = instant_to_text(epoch_ms);
  jw_text(w, t.text);
}

void jw_kstr(struct json_writer *w, const char *key, struct str s) { jw_key(w, key), jw_str(w, s); }
void jw_ktext(struct json_writer *w, const char *key, const char *t) { jw_key(w, key), jw_text(w, t); }
void jw_kint(struct json_writer *w, const char *key, int64_t v) { jw_key(w, key), jw_int(w, v); }
void jw_kreal(struct json_writer *w, const char *key, double v) { jw_key(w, key), jw_real(w, v); }
void jw_kbool(struct json_writer *w, const char *key, bool v) { jw_key(w, key), jw_bool(w, v); }
void jw_kinstant(struct json_writer *w, const char *key, int64_t v) { jw_key(w, key), jw_instant(w, v); }
