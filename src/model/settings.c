#include "model/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

const struct field settings_fields[] = {
#define SETTING(member, name, type, flags, min, max, otherwise, names, help) \
  {name, FIELD_##type, (flags), (min), (max), (otherwise), (names), offsetof(struct settings, member), help},
#include "model/settings.def"
#undef SETTING
};
const size_t settings_field_count = sizeof settings_fields / sizeof settings_fields[0];

#define DEFAULT_TIMEZONE "Europe/Madrid" /* C-64 */

struct settings *settings_copy(const struct settings *s) {
  size_t bytes = fields_texts_bytes(settings_fields, settings_field_count, s);
  struct settings *copy = malloc(sizeof *copy + bytes);
  if (!copy) return NULL;
  memcpy(copy, s, sizeof *copy);
  atomic_store(&copy->refs, 1);
  fields_move_texts(settings_fields, settings_field_count, copy, (char *)(copy + 1));
  return copy;
}

struct settings *settings_ref(struct settings *s) {
  if (s) atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void settings_unref(struct settings *s) {
  if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) free(s);
}

void settings_init(struct settings *s) {
  memset(s, 0, sizeof *s);
  for (size_t i = 0; i < settings_field_count; i++)
    if (settings_fields[i].type != FIELD_TEXT && settings_fields[i].type != FIELD_JSON)
      field_set_int(&settings_fields[i], s, settings_fields[i].otherwise);
  s->timezone = DEFAULT_TIMEZONE;
}

static enum err pools_are_sizes(const char *pools, struct err_detail *d) {
  if (!pools) return ERR_OK;
  json_t *object = NULL;
  TRY(json_parse(str_of(pools), &object, d));
  enum err e =
      json_is_object(object) ? ERR_OK : err_set(d, ERR_INVALID, "pools", 0, "pools must be a JSON object");
  const char *name;
  json_t *size;
  if (e == ERR_OK) {
    json_object_foreach(object, name, size) {
      json_int_t n = json_integer_value(size);
      if (json_is_integer(size) && n >= 1 && n <= LIMIT_RUNNING_RUNS) continue;
      e = err_set(d, ERR_INVALID, "pools", 0, "pools.%.60s must be a whole number from 1 to %d", name,
                  LIMIT_RUNNING_RUNS);
      break;
    }
  }
  json_decref(object);
  return e;
}

enum err settings_validate(const struct settings *s, struct err_detail *d) {
  TRY(fields_validate(settings_fields, settings_field_count, s, d));
  if (s->alert_email && !strchr(s->alert_email, '@'))
    return err_set(d, ERR_INVALID, "alertEmail", 0, "alertEmail must be an e-mail address");
  return pools_are_sizes(s->pools, d);
}

int64_t settings_pool_size(const struct settings *s, const char *name) {
  if (!s->pools || !name) return 0;
  json_t *object = NULL;
  if (json_parse(str_of(s->pools), &object, NULL) != ERR_OK) return 0;
  int64_t size = json_int_at(object, name, 0);
  json_decref(object);
  return size;
}
