#include "worlds/story.h"

#include <math.h>

#include "base/json.h"
#include "model/field.h"

const char *const story_arc_names[] = {"none", "setup", "rising", "climax", "resolution", NULL};
const char *const story_teller_names[] = {"classic", "calm", "random", NULL};

static double number_at(const json_t *object, const char *key, double otherwise) {
  const json_t *value = json_object_get(object, key);
  double n = json_is_number(value) ? json_number_value(value) : otherwise;
  return isfinite(n) ? n : otherwise;
}

static struct str cut(struct str s) { /* at a character's border */
  if (s.len <= STORY_TEXT_MAX) return s;
  size_t n = STORY_TEXT_MAX;
  while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
  return (struct str){s.ptr, n};
}

static struct str text_at(const json_t *object, const char *key) {
  return cut(str_trim(json_text_at(object, key)));
}

static size_t texts_at(const json_t *object, const char *key, struct str *ret, size_t max) {
  const json_t *list = json_object_get(object, key);
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(list) && count < max; i++) {
    struct str text = cut(str_trim(str_of(json_string_value(json_array_get(list, i)))));
    if (text.len > 0) ret[count++] = text;
  }
  return count;
}

/* ---- parts ---- */
static void read_character(struct story *s, const json_t *object) {
  struct str name = text_at(object, "name");
  if (name.len == 0 || s->character_count == STORY_CHARACTERS_MAX ||
      story_character_find(s, name) != STORY_NOBODY)
    return;
  struct story_character *c = &s->characters[s->character_count++];
  *c = (struct story_character){.name = name,
                                .place = text_at(object, "place"),
                                .is_main = json_bool_at(object, "isMain", false),
                                .is_free = json_bool_at(object, "isFree", true),
                                .is_user = json_bool_at(object, "isUser", false)};
  c->trait_count = texts_at(object, "traits", c->traits, STORY_TRAITS_MAX);
}

static void read_relation(struct story *s, const json_t *object) {
  size_t a = story_character_find(s, text_at(object, "a")), b = story_character_find(s, text_at(object, "b"));
  if (a == STORY_NOBODY || b == STORY_NOBODY || a == b || s->relation_count == STORY_RELATIONS_MAX) return;
  double value = fmin(1, fabs(number_at(object, "value", 0)));
  s->relations[s->relation_count++] =
      (struct story_relation){.a = a < b ? a : b, .b = a < b ? b : a, .value = value};
}

static void read_place(struct story *s, const json_t *object) {
  struct str name = json_is_string(object) ? cut(str_of(json_string_value(object))) : text_at(object, "name");
  if (name.len == 0 || s->place_count == STORY_PLACES_MAX) return;
  struct story_place *p = &s->places[s->place_count++];
  *p = (struct story_place){.name = name};
  p->link_count = texts_at(object, "links", p->links, STORY_LINKS_MAX);
}

static void read_secret(struct story *s, const json_t *object) {
  struct str text = text_at(object, "text");
  if (text.len == 0 || s->secret_count == STORY_SECRETS_MAX) return;
  s->secrets[s->secret_count++] =
      (struct story_thread){.character = story_character_find(s, text_at(object, "character")),
                            .text = text,
                            .is_open = !json_bool_at(object, "isUsed", false)};
}

static void read_goal(struct story *s, const json_t *object) {
  struct str text = text_at(object, "text");
  if (text.len == 0 || s->goal_count == STORY_GOALS_MAX) return;
  s->goals[s->goal_count++] =
      (struct story_thread){.character = story_character_find(s, text_at(object, "character")),
                            .text = text,
                            .is_open = json_bool_at(object, "isOpen", true)};
}

static void read_list(struct story *s, const json_t *object, const char *key,
                      void (*read)(struct story *s, const json_t *object)) {
  const json_t *list = json_object_get(object, key);
  for (size_t i = 0; i < json_array_size(list); i++) read(s, json_array_get(list, i));
}

static int name_at(const json_t *object, const char *key, const char *const *names) {
  int index = field_enum_index(names, text_at(object, key));
  return index < 0 ? 0 : index;
}

void story_read(const json_t *object, struct story *ret) {
  *ret = (struct story){};
  read_list(ret, object, "characters", read_character);
  read_list(ret, object, "relations", read_relation);
  read_list(ret, object, "places", read_place);
  read_list(ret, object, "secrets", read_secret);
  read_list(ret, object, "goals", read_goal);
  ret->arc = (enum story_arc)name_at(object, "arc", story_arc_names);
  ret->arc_progress = fmin(1, fmax(0, number_at(object, "arcProgress", 0.5)));
  ret->teller = (enum story_teller)name_at(object, "storyteller", story_teller_names);
}

/* ---- questions ---- */
size_t story_character_find(const struct story *s, struct str name) {
  for (size_t i = 0; name.len > 0 && i < s->character_count; i++)
    if (str_eq_nocase(s->characters[i].name, str_trim(name))) return i;
  return STORY_NOBODY;
}

static const struct story_place *place_find(const struct story *s, struct str name) {
  for (size_t i = 0; i < s->place_count; i++)
    if (str_eq_nocase(s->places[i].name, name)) return &s->places[i];
  return NULL;
}

static bool leads_to(const struct story_place *from, struct str to) {
  for (size_t i = 0; i < from->link_count; i++)
    if (str_eq_nocase(from->links[i], to)) return true;
  return false;
}

bool story_places_meet(const struct story *s, struct str a, struct str b) {
  if (a.len == 0 || b.len == 0 || str_eq_nocase(a, b)) return true;
  const struct story_place *from = place_find(s, a), *to = place_find(s, b);
  if (!from || !to || (from->link_count == 0 && to->link_count == 0)) return true;
  return leads_to(from, b) || leads_to(to, a);
}

struct str story_shared_trait(const struct story *s, size_t a, size_t b) {
  const struct story_character *x = &s->characters[a], *y = &s->characters[b];
  for (size_t i = 0; i < x->trait_count; i++)
    for (size_t k = 0; k < y->trait_count; k++)
      if (str_eq_nocase(x->traits[i], y->traits[k])) return x->traits[i];
  return STR_NONE;
}

uint64_t story_key(struct str name) { /* FNV-1a */
  struct str s = str_trim(name);
  uint64_t h = 0xCBF29CE484222325U;
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    h = (h ^ (c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c)) * 0x100000001B3U;
  }
  h &= INT64_MAX; /* it travels as a JSON integer */
  return h ? h : 1;
}
