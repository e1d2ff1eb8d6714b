#include "api/mask.h"

#include <stdlib.h>

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

/* scheme://user:PASSWORD@host: where PASSWORD lies; false when there is none. */
static bool find_url_password(struct str text, size_t *ret_start, size_t *ret_end) {
  size_t scheme = str_find(text, STR("://"));
  if (scheme == SIZE_MAX) return false;
  size_t colon = SIZE_MAX, at = SIZE_MAX;
  for (size_t i = scheme + 3; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '/' || c == '?' || c == '#' || c == ' ') break;
    if (c == ':' && colon == SIZE_MAX) colon = i;
    if (c == '@') at = i;
  }
  if (colon == SIZE_MAX || at == SIZE_MAX || at < colon) return false;
  *ret_start = colon + 1;
  *ret_end = at;
  return true;
}

/* The shown form of one text: a new value, or NULL when it is shown as it is. */
static json_t *masked_text(const json_t *value, bool is_secret) {
  struct str text = {json_string_value(value), json_string_length(value)};
  size_t start, end;
  if (is_secret) return text.len ? json_string(MASK) : NULL;
  if (!find_url_password(text, &start, &end)) return NULL;
  BUF_AUTO struct buf out = buf_new(text.len + sizeof MASK);
  buf_add(&out, text.ptr, start);
  buf_add_text(&out, MASK);
  buf_add_str(&out, str_from(text, end));
  return buf_error(&out) ? json_string(MASK) : json_stringn(out.ptr, out.len);
}

static json_t *masked(const json_t *value, bool is_secret);

static json_t *masked_object(const json_t *object, bool is_secret) {
  json_t *copy = json_object();
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value)
      json_object_set_new(copy, key, masked(value, is_secret || mask_is_secret_key(str_of(key))));
  return copy;
}

static json_t *masked_array(const json_t *array, bool is_secret) {
  json_t *copy = json_array();
  for (size_t i = 0; i < json_array_size(array); i++)
    json_array_append_new(copy, masked(json_array_get(array, i), is_secret));
  return copy;
}

static json_t *masked(const json_t *value, bool is_secret) {
  if (json_is_object(value)) return masked_object(value, is_secret);
  if (json_is_array(value)) return masked_array(value, is_secret);
  if (json_is_number(value) && is_secret) return json_string(MASK);
  json_t *shown = json_is_string(value) ? masked_text(value, is_secret) : NULL;
  return shown ? shown : json_incref((json_t *)(uintptr_t)value);
}

const char *mask_json_text(const char *json, struct arena *arena) {
  if (!json) return NULL;
  JSON_AUTO json_t *tree = NULL;
  if (json_parse(str_of(json), &tree, NULL) != ERR_OK) return "\"" MASK "\"";
  JSON_AUTO json_t *copy = masked(tree, false);
  char *text = json_to_text(copy);
  const char *kept = text ? arena_strdup(arena, str_of(text)) : NULL;
  free(text);
  return kept ? kept : "\"" MASK "\"";
}

static void restore(json_t *given, const json_t *old, bool is_secret);

/* What is to stand in `given`'s place, or NULL to leave it. */
static json_t *restored(json_t *given, const json_t *old, bool is_secret) {
  if (json_is_string(given) && (json_is_string(old) || json_is_number(old))) {
    JSON_AUTO json_t *shown = masked(old, is_secret);
    return json_equal(shown, given) ? json_incref((json_t *)(uintptr_t)old) : NULL;
  }
  restore(given, old, is_secret);
  return NULL;
}

static void restore(json_t *given, const json_t *old, bool is_secret) {
  if (json_is_object(given) && json_is_object(old)) {
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(given, next, key, value) {
      const json_t *before = json_object_get(old, key);
      json_t *better = restored(value, before, is_secret || mask_is_secret_key(str_of(key)));
      if (better) json_object_set_new(given, key, better);
    }
  } else if (json_is_array(given) && json_is_array(old)) {
    for (size_t i = 0; i < json_array_size(given); i++) {
      json_t *better = restored(json_array_get(given, i), json_array_get(old, i), is_secret);
      if (better) json_array_set_new(given, i, better);
    }
  }
}

void mask_restore(json_t *given, const json_t *old) { restore(given, old, false); }
