/* Records described by tables: each field once, with its JSON name (which is also its column), type
 * and bounds. Reading JSON, writing JSON, binding SQL, OpenAPI and forms are derived from the table.
 *
 * A described struct holds text as `const char *` (NULL = null) and everything else as int64_t
 * (FIELD_NULL = null): booleans 0/1, enums their index, instants epoch milliseconds, reals scaled by
 * 1000 (FIELD_REAL3). */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define FIELD_NULL INT64_MIN

enum field_type {
  FIELD_TEXT, /* UTF-8, no NUL, at most max bytes */
  FIELD_INT,  /* min..max */
  FIELD_BOOL,
  FIELD_REAL3,   /* a real number kept in thousandths */
  FIELD_INSTANT, /* RFC 3339 in JSON */
  FIELD_ENUM,    /* one of names[] */
  FIELD_JSON     /* any JSON value, kept as text, at most max bytes */
};

enum field_flag {
  FIELD_NULLABLE = 1,
  FIELD_READ_ONLY = 2, /* set by the server; in a request it is an error */
  FIELD_SECRET = 4,    /* shown as "***" */
  FIELD_REQUIRED = 8   /* must be present on creation */
};

struct field {
  const char *name;
  enum field_type type;
  unsigned flags;
  int64_t min, max;         /* for TEXT and JSON: bytes */
  int64_t otherwise;        /* value on creation when absent; FIELD_NULL = null (TEXT is always null) */
  const char *const *names; /* ENUM: NULL-terminated */
  size_t offset;
  const char *help; /* one English line, for forms and OpenAPI */
};

enum field_mode { FIELD_CREATE, FIELD_PATCH };

/* Reads a JSON object into *record. CREATE fills what is absent with its default; PATCH leaves it.
 * Unknown keys, read-only keys, wrong types and values out of range are ERR_INVALID with the field
 * named; *record may then be half written, so read into a copy. Texts live in the arena. */
enum err fields_from_json(const struct field *fields, size_t count, const json_t *object,
                          enum field_mode mode, void *record, struct arena *arena, struct err_detail *detail);
/* Lengths and ranges of what requests can set, for records that came another way (SQL from outside): what
 * fields_from_json() would have refused is ERR_INVALID with the field named. Nulls are taken. */
enum err fields_validate(const struct field *fields, size_t count, const void *record,
                         struct err_detail *detail);
/* Writes key/value pairs into an open object. Secrets that are set are "***". */
void fields_to_json(const struct field *fields, size_t count, const void *record, struct json_writer *w);
const struct field *field_find(const struct field *fields, size_t count, struct str name);
/* Index of text in names, or -1. */
int field_enum_index(const char *const *names, struct str text);

/* For copying a record with its texts in one allocation: bytes its texts need with their NULs, and
 * copying them to `to` with the pointers of *record turned there. */
size_t fields_texts_bytes(const struct field *fields, size_t count, const void *record);
void fields_move_texts(const struct field *fields, size_t count, void *record, char *to);

static inline int64_t field_int(const struct field *f, const void *record) {
  return *(const int64_t *)(const void *)((const char *)record + f->offset);
}
static inline const char *field_text(const struct field *f, const void *record) {
  return *(const char *const *)(const void *)((const char *)record + f->offset);
}
static inline void field_set_int(const struct field *f, void *record, int64_t value) {
  *(int64_t *)(void *)((char *)record + f->offset) = value;
}
static inline void field_set_text(const struct field *f, void *record, const char *value) {
  *(const char **)(void *)((char *)record + f->offset) = value;
}
