/* What keys of the filter may be compared with: the values that jobs have. */
#include <stdlib.h>

#include "api/roster_private.h"

#define VALUES_MAX 50    /* told */
#define VALUES_SEEN 1000 /* different ones that are looked at */
#define TEXTS_READ 10000 /* jobs whose other texts are looked at, the same way */
#define LABELS_READ \
  1000 /* jobs whose labels are looked at, evenly spread over all: each is parsed, which takes microseconds */

struct seen_value {
  const char *text;
  size_t count;
};

static int by_count(const void *a, const void *b) {
  const struct seen_value *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return strcmp(x->text, y->text);
}

struct seeing {
  struct seen_value *values;
  size_t count;
  struct map by_text;
};

static void see(struct seeing *s, const char *text) {
  if (!text || !text[0]) return;
  uint64_t key = hash_bytes(text, strlen(text), 1);
  struct seen_value *v = map_get(&s->by_text, key);
  if (!v && s->count < VALUES_SEEN) {
    v = &s->values[s->count];
    if (map_put(&s->by_text, key, v) != ERR_OK) return;
    s->count++;
    v->text = text;
  }
  if (v) v->count++;
}

static void see_labels(struct seeing *s, const char *labels, bool only_owner, struct arena *a) {
  JSON_AUTO json_t *object = NULL;
  const char *key;
  json_t *value;
  if (!labels || json_parse(str_of(labels), &object, NULL) != ERR_OK) return;
  json_object_foreach(object, key, value) {
    bool is_owner = strcmp(key, "owner") == 0;
    const char *text = json_string_value(value);
    if (is_owner != only_owner) continue;
    if (is_owner) see(s, text ? arena_strdup(a, str_of(text)) : NULL);
    else see(s, text && text[0] ? arena_printf(a, "%s=%s", key, text) : arena_strdup(a, str_of(key)));
  }
}

void roster_values_json(struct roster *r, enum filter_jobs_key key, struct json_writer *w) {
  struct arena a = arena_new(4 * 1024 * 1024);
  struct seeing s = {.values = ARENA_ARRAY(&a, struct seen_value, VALUES_SEEN)};
  bool is_of_labels = key == JOBS_KEY_TAG || key == JOBS_KEY_OWNER;
  size_t step = r->count / (is_of_labels ? LABELS_READ : TEXTS_READ) + 1;
  for (size_t i = 0; s.values && i < r->count; i += step) {
    const struct roster_card *c = r->rows[i]->card;
    if (key == JOBS_KEY_CATEGORY) see(&s, c->category);
    else if (key == JOBS_KEY_COMMAND) see(&s, c->command);
    else if (key == JOBS_KEY_ZONE) see(&s, c->zone);
    else see_labels(&s, c->labels, key == JOBS_KEY_OWNER, &a);
  }
  if (s.values) qsort(s.values, s.count, sizeof *s.values, by_count);
  jw_array(w);
  for (size_t i = 0; i < s.count && i < VALUES_MAX; i++) jw_text(w, s.values[i].text);
  jw_array_end(w);
  map_free(&s.by_text);
  arena_free(&a);
}
