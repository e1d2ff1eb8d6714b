/* JSON: reading by jansson with strict flags, writing by a small streaming writer (large answers
 * are never built as a tree). */
#pragma once
#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Parses one complete JSON text: UTF-8, no duplicate keys, no NUL, depth <= LIMIT_JSON_DEPTH.
 * Detail has line and column. The caller owns *ret (json_decref). */
enum err json_parse(struct str text, json_t **ret, struct err_detail *detail);

static inline void json_auto_free_(json_t **j) { json_decref(*j); }
#define JSON_AUTO \
  [[gnu::cleanup(json_auto_free_), gnu::unused]] /* unused: held only to be freed, as clang does not see */

/* The text of a string member; STR_NONE when absent, null or no string. Borrowed from the tree. */
struct str json_text_at(const json_t *object, const char *key);
int64_t json_int_at(const json_t *object, const char *key, int64_t otherwise);
bool json_bool_at(const json_t *object, const char *key, bool otherwise);

/* A tree as one line of text, reals as short as they can be (0.08): malloc'ed, NULL when it does not fit (256 MiB) or
 * value is NULL. */
#define JSON_TEXT_BYTES_MAX ((size_t)256 * 1024 * 1024)
char *json_to_text(const json_t *value);

/* Writer. Commas are its business:
 *   jw_object(&w); jw_key(&w, "id"); jw_text(&w, id); jw_object_end(&w);
 * Nesting up to LIMIT_JSON_DEPTH. Errors stick in the buffer. Invalid UTF-8 becomes U+FFFD. */
struct json_writer {
  struct buf *out;
  int depth;
  bool needs_comma;
};
static inline struct json_writer jw_new(struct buf *out) { return (struct json_writer){.out = out}; }
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_str(struct json_writer *w, struct str s);      /* STR_NONE writes null */
void jw_text(struct json_writer *w, const char *text); /* NULL writes null */
void jw_int(struct json_writer *w, int64_t value);
void jw_real(struct json_writer *w, double value); /* not finite: null; shortest of 15–17 digits */
void jw_bool(struct json_writer *w, bool value);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, struct str json);       /* a complete JSON value */
void jw_value(struct json_writer *w, const json_t *value); /* a jansson tree */
void jw_instant(struct json_writer *w, int64_t epoch_ms);  /* "2026-11-21T18:00:00.000Z" */
/* key and value in one */
void jw_kstr(struct json_writer *w, const char *key, struct str s);
void jw_ktext(struct json_writer *w, const char *key, const char *text);
void jw_kint(struct json_writer *w, const char *key, int64_t value);
void jw_kreal(struct json_writer *w, const char *key, double value);
void jw_kbool(struct json_writer *w, const char *key, bool value);
void jw_kinstant(struct json_writer *w, const char *key, int64_t epoch_ms);
