#include "api/mask.h"

#include <stdlib.h>

#include "api/mask_text.h"

static const char *const secret_words[] = {"password",      "passwd",     "secret",      "token",
                                           "authorization", "apikey",     "api_key",     "api-key",
                                           "cookie",        "credential", "private_key", "passphrase",
                                           "auth_key",      "access_key", "dsn",         "webhook"};

bool mask_is_secret_key(struct str key) {
  for (size_t w = 0; w < sizeof secret_words / sizeof *secret_words; w++) {
    struct str word = str_of(secret_words[w]);
    for (size_t i = 0; i + word.len <= key.len; i++)
      if (str_eq_nocase((struct str){key.ptr + i, word.len}, word)) return true;
  }
  return false;
}

/* ---- what a place says of the value in it ---- */

struct view { /* handed down from a value to what is inside */
  const struct mask_rules *rules;
  const char *const *shown;
  bool is_secret, is_top, is_entry;
};

static const struct mask_param *find_param(const struct mask_rules *rules, struct str key) {
  for (size_t i = 0; rules && i < rules->count; i++)
    if (str_eq(str_of(rules->params[i].name), key)) return &rules->params[i];
  return NULL;
}

static bool is_listed(const char *const *list, struct str key) {
  for (size_t i = 0; list && list[i]; i++)
    if (str_eq_nocase(str_of(list[i]), key)) return true;
  return false;
}

static struct view view_of_root(const struct mask_rules *rules) {
  return (struct view){.rules = rules, .is_secret = rules && rules->hides_all, .is_top = true};
}

/* {"name":"API_TOKEN","value":"abc"}: the name stands beside its value. */
static bool is_named_secret(const json_t *object, struct str key) {
  static const char *const names[] = {"name", "key", "header"};
  if (!str_eq(key, STR("value"))) return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (mask_is_secret_key(json_text_at(object, names[i]))) return true;
  return false;
}

static struct view view_of_member(const struct view *v, const json_t *object, struct str key) {
  struct view inside = {.rules = v->rules};
  const struct mask_param *p = v->is_top ? find_param(v->rules, key) : NULL;
  bool is_shown = is_listed(v->shown, key);
  inside.is_secret =
      p || (v->is_secret && !is_shown) || mask_is_secret_key(key) || is_named_secret(object, key);
  if (p) inside.shown = p->shown;
  return inside;
}

/* ["--token","abc"]: the argument before names it. */
static struct view view_of_element(const struct view *v, const json_t *array, size_t i) {
  struct view inside = {.rules = v->rules, .is_secret = v->is_secret, .is_entry = true};
  const json_t *before = i > 0 ? json_array_get(array, i - 1) : NULL;
  struct str flag = {json_string_value(before), json_string_length(before)};
  if (str_starts(flag, STR("-")) && str_find_char(flag, '=') == SIZE_MAX && mask_is_secret_key(flag))
    inside.is_secret = true;
  return inside;
}

/* ---- masking ---- */

/* The shown form of one text: a new value, or NULL when it is shown as it is. */
static json_t *masked_text(const json_t *value, const struct view *v) {
  struct str text = {json_string_value(value), json_string_length(value)};
  if (v->is_secret) return text.len ? json_string(MASK) : NULL;
  BUF_AUTO struct buf out = buf_new(2 * text.len + sizeof MASK);
  if (!mask_text(text, v->is_entry, &out)) return NULL;
  return buf_error(&out) ? json_string(MASK) : json_stringn(out.ptr, out.len);
}

static json_t *masked(const json_t *value, const struct view *v);

static json_t *masked_object(const json_t *object, const struct view *v) {
  json_t *copy = json_object();
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    struct view inside = view_of_member(v, object, str_of(key));
    json_object_set_new(copy, key, masked(value, &inside));
  }
  return copy;
}

static json_t *masked_array(const json_t *array, const struct view *v) {
  json_t *copy = json_array();
  for (size_t i = 0; i < json_array_size(array); i++) {
    struct view inside = view_of_element(v, array, i);
    json_array_append_new(copy, masked(json_array_get(array, i), &inside));
  }
  return copy;
}

static json_t *masked(const json_t *value, const struct view *v) {
  if (json_is_object(value)) return masked_object(value, v);
  if (json_is_array(value)) return masked_array(value, v);
  if (json_is_number(value) && v->is_secret) return json_string(MASK);
  json_t *shown = json_is_string(value) ? masked_text(value, v) : NULL;
  return shown ? shown : json_incref((json_t *)(uintptr_t)value);
}

const char *mask_json_text(const char *json, const struct mask_rules *rules, struct arena *arena) {
  if (!json) return NULL;
  JSON_AUTO json_t *tree = NULL;
  if (json_parse(str_of(json), &tree, NULL) != ERR_OK) return "\"" MASK "\"";
  struct view v = view_of_root(rules);
  JSON_AUTO json_t *copy = masked(tree, &v);
  char *text = json_to_text(copy);
  const char *kept = text ? arena_strdup(arena, str_of(text)) : NULL;
  free(text);
  return kept ? kept : "\"" MASK "\"";
}

const char *mask_json_member(const char *json, const char *member, const struct mask_rules *rules,
                             struct arena *arena) {
  JSON_AUTO json_t *tree = NULL;
  if (json_parse(str_of(json), &tree, NULL) != ERR_OK) return "\"" MASK "\"";
  json_t *value = json_object_get(tree, member);
  if (!value) return json;
  struct view v = view_of_root(rules);
  (void)json_object_set_new(tree, member, masked(value, &v));
  char *text = json_to_text(tree);
  const char *kept = text ? arena_strdup(arena, str_of(text)) : NULL;
  free(text);
  return kept ? kept : "\"" MASK "\"";
}

bool mask_hides(const char *json, const struct mask_rules *rules) {
  JSON_AUTO json_t *tree = NULL;
  if (!json || json_parse(str_of(json), &tree, NULL) != ERR_OK) return json != NULL;
  struct view v = view_of_root(rules);
  JSON_AUTO json_t *copy = masked(tree, &v);
  return !json_equal(copy, tree);
}

/* ---- coming back ---- */

static void restore(json_t *given, const json_t *old, const struct view *v);

/* Some of a text was changed around its masks. */
static json_t *restored_parts(const json_t *given, const json_t *old, bool is_entry) {
  struct str now = {json_string_value(given), json_string_length(given)};
  struct str was = {json_string_value(old), json_string_length(old)};
  BUF_AUTO struct buf out = buf_new(LIMIT_MASKED_TEXT_BYTES);
  if (!mask_text_restore(now, was, is_entry, &out) || buf_error(&out)) return NULL;
  return json_stringn(out.ptr, out.len);
}

/* What is to stand in `given`'s place, or NULL to leave it. */
static json_t *restored(json_t *given, const json_t *old, const struct view *v) {
  if (json_is_string(given) && (json_is_string(old) || json_is_number(old))) {
    JSON_AUTO json_t *shown = masked(old, v);
    if (json_equal(shown, given)) return json_incref((json_t *)(uintptr_t)old);
    return json_is_string(old) && !v->is_secret ? restored_parts(given, old, v->is_entry) : NULL;
  }
  restore(given, old, v);
  return NULL;
}

static void restore(json_t *given, const json_t *old, const struct view *v) {
  if (json_is_object(given) && json_is_object(old)) {
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(given, next, key, value) {
      struct view inside = view_of_member(v, old, str_of(key));
      json_t *better = restored(value, json_object_get(old, key), &inside);
      if (better) json_object_set_new(given, key, better);
    }
  } else if (json_is_array(given) && json_is_array(old)) {
    for (size_t i = 0; i < json_array_size(given); i++) {
      struct view inside = view_of_element(v, old, i);
      json_t *better = restored(json_array_get(given, i), json_array_get(old, i), &inside);
      if (better) json_array_set_new(given, i, better);
    }
  }
}

void mask_restore(json_t *given, const json_t *old, const struct mask_rules *rules) {
  struct view v = view_of_root(rules);
  restore(given, old, &v);
}

/* ---- masks that stand for nothing ---- */

static bool is_left(const json_t *given, const struct view *v) {
  if (json_is_string(given)) {
    struct str text = {json_string_value(given), json_string_length(given)};
    return v->is_secret ? str_eq(text, STR(MASK)) : mask_text_has_mask(text, v->is_entry);
  }
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)given, key, value) {
    struct view inside = view_of_member(v, given, str_of(key));
    if (is_left(value, &inside)) return true;
  }
  for (size_t i = 0; i < json_array_size(given); i++) {
    struct view inside = view_of_element(v, given, i);
    if (is_left(json_array_get(given, i), &inside)) return true;
  }
  return false;
}

bool mask_is_left(const json_t *given, const struct mask_rules *rules) {
  struct view v = view_of_root(rules);
  return is_left(given, &v);
}
