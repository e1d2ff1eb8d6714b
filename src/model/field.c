#include "model/field.h"

#include <math.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/limits.h"

#define SECRET_SHOWN "***"

const struct field *field_find(const struct field *fields, size_t count, struct str name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(str_of(fields[i].name), name)) return &fields[i];
  return NULL;
}

int field_enum_index(const char *const *names, struct str text) {
  for (int i = 0; names[i]; i++)
    if (str_eq(str_of(names[i]), text)) return i;
  return -1;
}

static bool is_text(enum field_type type) { return type == FIELD_TEXT || type == FIELD_JSON; }

static enum err bad(const struct field *f, struct err_detail *d, const char *want) {
  return err_set(d, ERR_INVALID, f->name, 0, "%s must be %s", f->name, want);
}

static enum err check_length(const struct field *f, size_t length, struct err_detail *d) {
  if ((int64_t)length < f->min)
    return err_set(d, ERR_INVALID, f->name, 0, length == 0 ? "%s must not be empty" : "%s is too short",
                   f->name);
  if ((int64_t)length > f->max)
    return err_set(d, ERR_INVALID, f->name, 0, "%s is longer than %lld bytes%s", f->name, (long long)f->max,
                   f->type == FIELD_JSON ? " of JSON" : "");
  return ERR_OK;
}

static enum err check_range(const struct field *f, int64_t value, struct err_detail *d) {
  if (value >= f->min && value <= f->max) return ERR_OK;
  return err_set(d, ERR_INVALID, f->name, 0, "%s must be from %lld to %lld, not %lld", f->name,
                 (long long)f->min, (long long)f->max, (long long)value);
}

static enum err read_text(const struct field *f, const json_t *v, void *record, struct arena *arena,
                          struct err_detail *d) {
  if (!json_is_string(v)) return bad(f, d, "text");
  struct str s = {json_string_value(v), json_string_length(v)};
  TRY(check_length(f, s.len, d));
  char *copy = arena_strdup(arena, s);
  if (!copy) return arena_error(arena);
  field_set_text(f, record, copy);
  return ERR_OK;
}

static enum err read_json(const struct field *f, const json_t *v, void *record, struct arena *arena,
                          struct err_detail *d) {
  char *text = json_to_text(v);
  if (!text) return ERR_NO_MEMORY;
  enum err e = check_length(f, strlen(text), d);
  char *copy = e == ERR_OK ? arena_strdup(arena, str_of(text)) : NULL;
  free(text);
  if (e != ERR_OK) return e;
  if (!copy) return arena_error(arena);
  field_set_text(f, record, copy);
  return ERR_OK;
}

static enum err read_int(const struct field *f, const json_t *v, void *record, struct err_detail *d) {
  if (!json_is_integer(v)) return bad(f, d, "a whole number");
  int64_t value = (int64_t)json_integer_value(v);
  TRY(check_range(f, value, d));
  field_set_int(f, record, value);
  return ERR_OK;
}

static enum err read_instant(const struct field *f, const json_t *v, void *record, struct err_detail *d) {
  int64_t ms;
  struct str s = {json_string_value(v), json_is_string(v) ? json_string_length(v) : 0};
  if (!json_is_string(v) || !instant_from_text(s, &ms))
    return bad(f, d, "an instant like 2026-12-01T10:00:00Z");
  field_set_int(f, record, ms);
  return ERR_OK;
}

static enum err read_enum(const struct field *f, const json_t *v, void *record, struct err_detail *d) {
  struct str s = {json_string_value(v), json_is_string(v) ? json_string_length(v) : 0};
  int index = json_is_string(v) ? field_enum_index(f->names, s) : -1;
  if (index < 0) {
    enum err e = err_set(d, ERR_INVALID, f->name, 0, "%s has an unknown value", f->name);
    struct buf list = buf_new(sizeof d->hint - 1);
    for (int i = 0; f->names[i]; i++) buf_addf(&list, "%s%s", i ? ", " : "one of ", f->names[i]);
    const char *text = buf_text(&list);
    if (text) err_hint(d, "%s", text);
    buf_free(&list);
    return e;
  }
  field_set_int(f, record, index);
  return ERR_OK;
}

static enum err read_value(const struct field *f, const json_t *v, void *record, struct arena *arena,
                           struct err_detail *d) {
  switch (f->type) {
    case FIELD_TEXT: return read_text(f, v, record, arena, d);
    case FIELD_JSON: return read_json(f, v, record, arena, d);
    case FIELD_INT: return read_int(f, v, record, d);
    case FIELD_INSTANT: return read_instant(f, v, record, d);
    case FIELD_ENUM: return read_enum(f, v, record, d);
    case FIELD_BOOL:
      if (!json_is_boolean(v)) return bad(f, d, "true or false");
      field_set_int(f, record, json_is_true(v));
      return ERR_OK;
    case FIELD_REAL3:
      if (!json_is_number(v)) return bad(f, d, "a number");
      field_set_int(f, record, llround(json_number_value(v) * 1000));
      return ERR_OK;
  }
  return ERR_INTERNAL;
}

static void set_null(const struct field *f, void *record) {
  if (is_text(f->type)) field_set_text(f, record, NULL);
  else field_set_int(f, record, FIELD_NULL);
}

static enum err read_member(const struct field *f, const json_t *v, void *record, struct arena *arena,
                            struct err_detail *d) {
  if (f->flags & FIELD_READ_ONLY)
    return err_set(d, ERR_INVALID, f->name, 0, "%s is set by the server and cannot be given", f->name);
  if (f->flags & FIELD_SECRET && str_eq(str_of(json_string_value(v)), STR(SECRET_SHOWN))) {
    enum err e = err_set(d, ERR_INVALID, f->name, 0, "%s is \"" SECRET_SHOWN "\", which only hides its value",
                         f->name);
    err_hint(d, "leave the field out to keep it as it is (PATCH), or write the value");
    return e;
  }
  if (!json_is_null(v)) return read_value(f, v, record, arena, d);
  if (!(f->flags & FIELD_NULLABLE))
    return err_set(d, ERR_INVALID, f->name, 0, "%s must not be null", f->name);
  set_null(f, record);
  return ERR_OK;
}

static enum err check_field(const struct field *f, const void *record, struct err_detail *d) {
  if (f->flags & FIELD_READ_ONLY) return ERR_OK;
  if (is_text(f->type)) {
    const char *text = field_text(f, record);
    return text ? check_length(f, strlen(text), d) : ERR_OK;
  }
  int64_t value = field_int(f, record);
  return f->type == FIELD_INT && value != FIELD_NULL ? check_range(f, value, d) : ERR_OK;
}

enum err fields_validate(const struct field *fields, size_t count, const void *record,
                         struct err_detail *detail) {
  for (size_t i = 0; i < count; i++) TRY(check_field(&fields[i], record, detail));
  return ERR_OK;
}

enum err fields_from_json(const struct field *fields, size_t count, const json_t *object,
                          enum field_mode mode, void *record, struct arena *arena,
                          struct err_detail *detail) {
  if (!json_is_object(object)) return err_set(detail, ERR_INVALID, NULL, 0, "a JSON object is expected");
  const char *key;
  json_t *value;
  void *at;
  json_object_foreach_safe((json_t *)(uintptr_t)object, at, key, value) {
    if (!field_find(fields, count, str_of(key)))
      return err_set(detail, ERR_INVALID, key, 0, "there is no field \"%.100s\"", key);
  }
  for (size_t i = 0; i < count; i++) {
    const struct field *f = &fields[i];
    const json_t *v = json_object_get(object, f->name);
    if (v) {
      TRY(read_member(f, v, record, arena, detail));
    } else if (mode == FIELD_CREATE) {
      if (f->flags & FIELD_REQUIRED)
        return err_set(detail, ERR_INVALID, f->name, 0, "%s is required", f->name);
      if (is_text(f->type)) field_set_text(f, record, NULL);
      else field_set_int(f, record, f->otherwise);
    }
  }
  return ERR_OK;
}

static void write_value(const struct field *f, const void *record, struct json_writer *w) {
  const char *text = is_text(f->type) ? field_text(f, record) : NULL;
  int64_t number = is_text(f->type) ? 0 : field_int(f, record);
  bool is_null = is_text(f->type) ? !text : number == FIELD_NULL;
  if (is_null) {
    jw_null(w);
  } else if (f->flags & FIELD_SECRET) {
    jw_text(w, SECRET_SHOWN);
  } else {
    switch (f->type) {
      case FIELD_TEXT: jw_text(w, text); break;
      case FIELD_JSON: jw_raw(w, str_of(text)); break;
      case FIELD_INT: jw_int(w, number); break;
      case FIELD_BOOL: jw_bool(w, number != 0); break;
      case FIELD_REAL3: jw_real(w, (double)number / 1000); break;
      case FIELD_INSTANT: jw_instant(w, number); break;
      case FIELD_ENUM: jw_text(w, f->names[number]); break;
    }
  }
}

void fields_to_json(const struct field *fields, size_t count, const void *record, struct json_writer *w) {
  for (size_t i = 0; i < count; i++) {
    jw_key(w, fields[i].name);
    write_value(&fields[i], record, w);
  }
}

size_t fields_texts_bytes(const struct field *fields, size_t count, const void *record) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++)
    if (is_text(fields[i].type) && field_text(&fields[i], record))
      bytes += strlen(field_text(&fields[i], record)) + 1;
  return bytes;
}

void fields_move_texts(const struct field *fields, size_t count, void *record, char *to) {
  for (size_t i = 0; i < count; i++) {
    const char *text = is_text(fields[i].type) ? field_text(&fields[i], record) : NULL;
    if (!text) continue;
    size_t size = strlen(text) + 1;
    memcpy(to, text, size);
    field_set_text(&fields[i], record, to);
    to += size;
  }
}
