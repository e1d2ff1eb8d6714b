#include "store/keeper.h"

#define TEXT_BYTES_MAX (1024 * 1024)

/* Integers as JSON integers, texts as strings, nulls left out. Field names are those of the tables, so a version
 * written today is read by tomorrow's program. */
char *record_to_text(const struct field *fields, size_t count, const void *record, struct arena *a) {
  BUF_AUTO struct buf out = buf_new(TEXT_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  for (size_t i = 0; i < count; i++) {
    const struct field *f = &fields[i];
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON) {
      if (field_text(f, record)) jw_ktext(&w, f->name, field_text(f, record));
    } else if (f->type == FIELD_ENUM) {
      int64_t value = field_int(f, record);
      if (value != FIELD_NULL) jw_ktext(&w, f->name, f->names[value]);
    } else if (field_int(f, record) != FIELD_NULL) {
      jw_kint(&w, f->name, field_int(f, record));
    }
  }
  jw_object_end(&w);
  return buf_error(&out) == ERR_OK ? arena_strdup(a, buf_str(&out)) : NULL;
}

static enum err set_field(const struct field *f, const json_t *value, void *record, struct arena *a) {
  struct str text = {json_string_value(value), json_string_length(value)};
  if (f->type == FIELD_TEXT || f->type == FIELD_JSON) {
    if (!json_is_string(value)) return ERR_STORE_CORRUPT;
    char *copy = arena_strdup(a, text);
    if (!copy) return ERR_NO_MEMORY;
    field_set_text(f, record, copy);
  } else if (f->type == FIELD_ENUM) {
    int index = json_is_string(value) ? field_enum_index(f->names, text) : -1;
    if (index < 0) return ERR_STORE_CORRUPT;
    field_set_int(f, record, index);
  } else {
    if (!json_is_integer(value)) return ERR_STORE_CORRUPT;
    field_set_int(f, record, json_integer_value(value));
  }
  return ERR_OK;
}

enum err record_from_text(const struct field *fields, size_t count, struct str text, void *record,
                          struct arena *a) {
  JSON_AUTO json_t *object = NULL;
  if (json_parse(text, &object, NULL) != ERR_OK || !json_is_object(object)) return ERR_STORE_CORRUPT;
  for (size_t i = 0; i < count; i++) {
    const json_t *value = json_object_get(object, fields[i].name);
    if (value) TRY(set_field(&fields[i], value, record, a));
  }
  return ERR_OK;
}
