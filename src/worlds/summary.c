#include <math.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/json.h"
#include "base/map.h"
#include "worlds/memory_parts.h"

#define FEW_NODES 8
#define JSON_BYTES_MAX (64 * 1024)
#define QUERY_WORDS_MAX 200

/* ---- writing ---- */

static enum err keep(struct buf *b, struct arena *arena, struct str *ret) {
  char *copy = buf_error(b) == ERR_OK ? arena_strdup(arena, buf_str(b)) : NULL;
  if (!copy) return buf_error(b) != ERR_OK ? buf_error(b) : ERR_NO_MEMORY;
  *ret = (struct str){copy, b->len};
  return ERR_OK;
}

static enum err write_text(const struct memory_work *w, struct str *ret) {
  BUF_AUTO struct buf b = buf_new(MEMORY_SUMMARY_BYTES_MAX + 1);
  for (size_t i = 0; i < w->count; i++) {
    const struct memory_node *n = &w->nodes[i];
    if (!n->is_chosen) continue;
    struct str speaker = memory_speaker(&w->in->items[n->item]), text = memory_cut(n->text, n->text_max);
    if (b.len) buf_add_char(&b, '\n');
    if (speaker.len) buf_addf(&b, "%.*s: ", STR_ARG(speaker));
    for (size_t c = 0; c < text.len; c++) buf_add_char(&b, text.ptr[c] == '\n' ? ' ' : text.ptr[c]);
    if (text.len < n->text.len) buf_add_text(&b, "…");
  }
  return keep(&b, w->in->arena, ret);
}

struct moment {
  int64_t turn, at_ms;
  struct str speaker, text;
  double importance;
};

static int by_weight(const void *a, const void *b) {
  const struct moment *x = a, *y = b;
  if (x->importance > y->importance) return -1;
  if (x->importance < y->importance) return 1;
  return (x->turn > y->turn) - (x->turn < y->turn);
}
static int by_turn(const void *a, const void *b) {
  const struct moment *x = a, *y = b;
  return (x->turn > y->turn) - (x->turn < y->turn);
}

/* The weightiest, by turn. */
static enum err write_moments(struct moment *m, size_t count, struct arena *arena, struct str *ret) {
  qsort(m, count, sizeof *m, by_weight);
  if (count > MEMORY_KEY_MOMENTS_MAX) count = MEMORY_KEY_MOMENTS_MAX;
  qsort(m, count, sizeof *m, by_turn);
  BUF_AUTO struct buf b = buf_new(JSON_BYTES_MAX);
  struct json_writer j = jw_new(&b);
  jw_array(&j);
  for (size_t i = 0; i < count; i++) {
    jw_object(&j);
    jw_kint(&j, "turn", m[i].turn);
    jw_kinstant(&j, "at", m[i].at_ms);
    jw_kstr(&j, "speaker", m[i].speaker);
    jw_kstr(&j, "text", m[i].text);
    jw_kreal(&j, "importance", round(m[i].importance * 100) / 100);
    jw_object_end(&j);
  }
  jw_array_end(&j);
  return keep(&b, arena, ret);
}

static enum err moments_of(const struct memory_work *w, struct str *ret) {
  struct moment *m = ARENA_ARRAY(w->in->arena, struct moment, w->count + 1);
  size_t count = 0;
  if (!m) return ERR_NO_MEMORY;
  for (size_t i = 0; i < w->count; i++) {
    const struct memory_node *n = &w->nodes[i];
    const struct memory_item *item = &w->in->items[n->item];
    if (n->importance >= MEMORY_KEY_IMPORTANCE)
      m[count++] = (struct moment){item->turn, item->at_ms, memory_speaker(item), n->text, n->importance};
  }
  return write_moments(m, count, w->in->arena, ret);
}

static int names_by_count(const void *a, const void *b) {
  const struct memory_name *x = *(const struct memory_name *const *)a,
                           *y = *(const struct memory_name *const *)b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  if (x->first_turn != y->first_turn) return x->first_turn < y->first_turn ? -1 : 1;
  return (x->key > y->key) - (x->key < y->key);
}

static enum err write_names(const struct memory_work *w, struct str *ret) {
  const struct memory_name **sorted =
      ARENA_ARRAY(w->in->arena, const struct memory_name *, w->name_count + 1);
  if (!sorted) return ERR_NO_MEMORY;
  for (size_t i = 0; i < w->name_count; i++) sorted[i] = &w->names[i];
  qsort(sorted, w->name_count, sizeof *sorted, names_by_count);
  BUF_AUTO struct buf b = buf_new(JSON_BYTES_MAX);
  struct json_writer j = jw_new(&b);
  jw_array(&j);
  for (size_t i = 0; i < w->name_count && i < MEMORY_NAMES_MAX; i++) {
    jw_object(&j);
    jw_kstr(&j, "name", sorted[i]->name);
    jw_kint(&j, "count", sorted[i]->count);
    jw_kint(&j, "firstTurn", sorted[i]->first_turn);
    jw_object_end(&j);
  }
  jw_array_end(&j);
  return keep(&b, w->in->arena, ret);
}

static int relations_by_count(const void *a, const void *b) {
  const struct memory_relation *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  if (x->a != y->a) return x->a < y->a ? -1 : 1;
  return (x->b > y->b) - (x->b < y->b);
}

static enum err write_relations(const struct memory_work *w, struct str *ret) {
  qsort(w->relations, w->relation_count, sizeof *w->relations, relations_by_count);
  BUF_AUTO struct buf b = buf_new(JSON_BYTES_MAX);
  struct json_writer j = jw_new(&b);
  jw_array(&j);
  for (size_t i = 0; i < w->relation_count && i < MEMORY_NAMES_MAX; i++) {
    const struct memory_relation *r = &w->relations[i];
    jw_object(&j);
    jw_kstr(&j, "a", w->names[r->a].name);
    jw_kstr(&j, "b", w->names[r->b].name);
    jw_kint(&j, "count", r->count);
    jw_kreal(&j, "sentiment", round(r->sentiment / (double)r->count * 1000) / 1000);
    jw_object_end(&j);
  }
  jw_array_end(&j);
  return keep(&b, w->in->arena, ret);
}

/* ---- one segment ---- */

static enum err choose(struct memory_work *w) {
  if (w->count < FEW_NODES) return memory_choose_few(w);
  TRY(memory_rank(w));
  return memory_choose(w);
}

/* Scenes of nodes as scenes of items; an item at a border belongs to the earlier one. */
static enum err scenes_of_items(const struct memory_work *w, struct memory_summary *s) {
  s->scenes = ARENA_ARRAY(w->in->arena, struct memory_scene, w->scene_count + 1);
  if (!s->scenes) return ERR_NO_MEMORY;
  size_t next = 0;
  for (size_t i = 0; i < w->scene_count; i++) {
    const struct memory_scene *n = &w->scenes[i];
    size_t end = i + 1 == w->scene_count ? w->in->count : w->nodes[n->first + n->count - 1].item + 1;
    if (end > next) s->scenes[s->scene_count++] = (struct memory_scene){next, end - next};
    if (end > next) next = end;
  }
  return ERR_OK;
}

static enum err finish(struct memory_work *w, struct memory_summary *s) {
  for (size_t i = 0; i < w->count; i++) s->importance += w->nodes[i].importance;
  TRY(write_text(w, &s->text));
  TRY(moments_of(w, &s->key_moments));
  TRY(write_names(w, &s->entities));
  return write_relations(w, &s->relations);
}

enum err memory_summarise(const struct memory_input *in, struct memory_summary *ret) {
  ASSERT(in->count > 0 && in->count <= MEMORY_SEGMENT_MAX);
  struct memory_work w = {.in = in};
  struct memory_summary s = {
      .from_turn = in->items[0].turn, .to_turn = in->items[in->count - 1].turn, .count = (int64_t)in->count};
  TRY(memory_read(&w));
  TRY(memory_cut_scenes(&w));
  TRY(choose(&w));
  s.method = w.count < FEW_NODES ? "sumbasic" : "extractive";
  TRY(scenes_of_items(&w, &s));
  TRY(finish(&w, &s));
  *ret = s;
  return ERR_OK;
}

/* ---- eight into one ---- */

/* "Ana: text" → speaker and text. */
static struct memory_item item_of_line(struct str line, const struct memory_summary *s) {
  struct memory_item item = {.turn = s->from_turn, .text = line};
  size_t colon = str_find(line, STR(": "));
  if (colon == SIZE_MAX || colon > 64 || colon == 0) return item;
  for (size_t i = 0; i < colon; i++)
    if (strchr(".!?,;", line.ptr[i])) return item;
  item.speaker = (struct str){line.ptr, colon};
  item.text = str_from(line, colon + 2);
  return item;
}

static size_t lines_of(const struct memory_summary *from, size_t count, struct memory_item *ret,
                       size_t *ret_ends) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    struct str rest = from[i].text, line;
    while (rest.ptr && n < MEMORY_SEGMENT_MAX && str_split(&rest, '\n', &line))
      if (str_trim(line).len) ret[n++] = item_of_line(str_trim(line), &from[i]);
    ret_ends[i] = n;
  }
  return n;
}

static enum err merge_scenes(struct memory_work *w, const size_t *ends, size_t count) {
  w->scenes = ARENA_ARRAY(w->in->arena, struct memory_scene, count);
  if (!w->scenes) return ERR_NO_MEMORY;
  size_t node = 0;
  for (size_t i = 0; i < count; i++) {
    size_t first = node;
    while (node < w->count && w->nodes[node].item < ends[i]) w->nodes[node++].scene = w->scene_count;
    if (node > first) w->scenes[w->scene_count++] = (struct memory_scene){first, node - first};
  }
  return ERR_OK;
}

static enum err merge_moments(const struct memory_summary *from, size_t count, struct arena *arena,
                              struct str *ret) {
  struct moment m[MEMORY_MERGE * MEMORY_KEY_MOMENTS_MAX];
  json_t *lists[MEMORY_MERGE] = {};
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    if (json_parse(from[i].key_moments, &lists[i], NULL) != ERR_OK) continue;
    for (size_t k = 0; k < json_array_size(lists[i]) && k < MEMORY_KEY_MOMENTS_MAX; k++) {
      const json_t *o = json_array_get(lists[i], k);
      m[n] = (struct moment){.turn = json_int_at(o, "turn", 0),
                             .speaker = json_text_at(o, "speaker"),
                             .text = json_text_at(o, "text"),
                             .importance = json_number_value(json_object_get(o, "importance"))};
      if (!instant_from_text(json_text_at(o, "at"), &m[n].at_ms)) m[n].at_ms = 0;
      n++;
    }
  }
  enum err e = write_moments(m, n, arena, ret);
  for (size_t i = 0; i < count; i++) json_decref(lists[i]);
  return e;
}

static uint64_t key_of_name(struct str name) {
  char folded[256];
  return hash_bytes(folded, text_fold(name, folded, sizeof folded), 0);
}

static size_t merged_name(struct memory_work *w, struct str name, int64_t count, int64_t first_turn) {
  if (!name.len) return SIZE_MAX;
  uint64_t key = key_of_name(name);
  struct memory_name *known = memory_name_find(w, key);
  if (!known) {
    const char *copy = arena_strdup(w->in->arena, name);
    if (!copy) return SIZE_MAX;
    known = &w->names[w->name_count++];
    *known = (struct memory_name){.key = key, .name = {copy, name.len}, .first_turn = first_turn};
  }
  known->count += count;
  if (first_turn < known->first_turn) known->first_turn = first_turn;
  return (size_t)(known - w->names);
}

static void merge_relation(struct memory_work *w, const json_t *o) {
  size_t a = merged_name(w, json_text_at(o, "a"), 0, INT64_MAX),
         b = merged_name(w, json_text_at(o, "b"), 0, INT64_MAX);
  int64_t count = json_int_at(o, "count", 0);
  if (a == SIZE_MAX || b == SIZE_MAX || a == b || count <= 0) return;
  size_t low = a < b ? a : b, high = a < b ? b : a, i = 0;
  while (i < w->relation_count && (w->relations[i].a != low || w->relations[i].b != high)) i++;
  if (i == w->relation_count)
    w->relations[w->relation_count++] = (struct memory_relation){.a = low, .b = high};
  w->relations[i].count += count;
  w->relations[i].sentiment += json_number_value(json_object_get(o, "sentiment")) * (double)count;
}

/* What the eight said of names and relations takes the place of what their lines would say. */
static enum err merge_names(struct memory_work *w, const struct memory_summary *from, size_t count) {
  size_t room = count * MEMORY_NAMES_MAX;
  w->names = ARENA_ARRAY(w->in->arena, struct memory_name, room * 3);
  w->relations = ARENA_ARRAY(w->in->arena, struct memory_relation, room);
  if (!w->names || !w->relations) return ERR_NO_MEMORY;
  w->name_count = w->relation_count = 0;
  for (size_t i = 0; i < count; i++) {
    JSON_AUTO json_t *names = NULL, *relations = NULL;
    if (json_parse(from[i].entities, &names, NULL) == ERR_OK)
      for (size_t k = 0; k < json_array_size(names) && k < MEMORY_NAMES_MAX; k++) {
        const json_t *o = json_array_get(names, k);
        (void)merged_name(w, json_text_at(o, "name"), json_int_at(o, "count", 0),
                          json_int_at(o, "firstTurn", 0));
      }
    if (json_parse(from[i].relations, &relations, NULL) == ERR_OK)
      for (size_t k = 0; k < json_array_size(relations) && k < MEMORY_NAMES_MAX; k++)
        merge_relation(w, json_array_get(relations, k));
  }
  return ERR_OK;
}

enum err memory_merge(struct text_kit *kit, enum text_language language, const struct memory_summary *from,
                      size_t count, struct arena *arena, struct memory_summary *ret) {
  ASSERT(count > 0 && count <= MEMORY_MERGE);
  size_t ends[MEMORY_MERGE];
  struct memory_item *items = ARENA_ARRAY(arena, struct memory_item, MEMORY_SEGMENT_MAX);
  if (!items) return ERR_NO_MEMORY;
  struct memory_input in = {kit, language, items, lines_of(from, count, items, ends), arena};
  struct memory_work w = {.in = &in};
  struct memory_summary s = {.from_turn = from[0].from_turn,
                             .to_turn = from[count - 1].to_turn,
                             .level = from[0].level + 1,
                             .method = "merge"};
  double importance = 0;
  for (size_t i = 0; i < count; i++) s.count += from[i].count, importance += from[i].importance;
  TRY(memory_read(&w));
  TRY(merge_scenes(&w, ends, count));
  if (w.count) TRY(choose(&w));
  TRY(merge_names(&w, from, count));
  TRY(finish(&w, &s));
  TRY(merge_moments(from, count, arena, &s.key_moments));
  s.importance = importance;
  *ret = s;
  return ERR_OK;
}

/* ---- a reflection ---- */

static const struct reflection_words {
  const char *about, *bond, *strain, *plain, *moments;
} reflection_words[] = {
    [TEXT_ES] = {"Esta historia trata sobre todo de ", "están unidos", "están enfrentados", "tienen que ver",
                 "Lo decisivo hasta ahora:"},
    [TEXT_EN] = {"This story is above all about ", "are close", "are at odds", "have to do with each other",
                 "What was decisive so far:"},
};

static void reflect_names(const struct memory_work *w, enum text_language language, struct buf *b) {
  const struct reflection_words *t = &reflection_words[language];
  for (size_t i = 0; i < w->name_count && i < 5; i++)
    buf_addf(b, "%s%.*s", i ? ", " : t->about, STR_ARG(w->names[i].name));
  if (w->name_count) buf_add_text(b, ".\n");
  for (size_t i = 0; i < w->relation_count && i < 5; i++) {
    const struct memory_relation *r = &w->relations[i];
    double s = r->sentiment / (double)r->count;
    buf_addf(b, "%.*s, %.*s: %s (%lld).\n", STR_ARG(w->names[r->a].name), STR_ARG(w->names[r->b].name),
             s > 0.1    ? t->bond
             : s < -0.1 ? t->strain
                        : t->plain,
             (long long)r->count);
  }
}

static void reflect_moments(struct str moments, enum text_language language, struct buf *b) {
  JSON_AUTO json_t *list = NULL;
  if (json_parse(moments, &list, NULL) != ERR_OK || !json_array_size(list)) return;
  buf_add_text(b, reflection_words[language].moments);
  for (size_t i = 0; i < json_array_size(list) && i < 5; i++) {
    const json_t *o = json_array_get(list, i);
    struct str who = json_text_at(o, "speaker"), text = json_text_at(o, "text"), cut = memory_cut(text, 200);
    buf_addf(b, "\n- %.*s%s%.*s%s", STR_ARG(who), who.len ? ": " : "", STR_ARG(cut),
             cut.len < text.len ? "…" : "");
  }
}

static int merged_by_count(const void *a, const void *b) {
  const struct memory_name *x = a, *y = b;
  return names_by_count(&x, &y);
}

enum err memory_reflect(enum text_language language, const struct memory_summary *from, size_t count,
                        struct arena *arena, struct str *ret_text) {
  struct memory_input in = {.arena = arena};
  struct memory_work w = {.in = &in};
  struct str moments;
  if (count > MEMORY_MERGE) from += count - MEMORY_MERGE, count = MEMORY_MERGE;
  TRY(merge_names(&w, from, count));
  TRY(merge_moments(from, count, arena, &moments));
  BUF_AUTO struct buf b = buf_new(MEMORY_SUMMARY_BYTES_MAX * 2);
  struct memory_work by_name = w; /* relations name their people by place, so the names are sorted last */
  qsort(w.relations, w.relation_count, sizeof *w.relations, relations_by_count);
  by_name.names = ARENA_ARRAY(arena, struct memory_name, w.name_count + 1);
  if (!by_name.names) return ERR_NO_MEMORY;
  memcpy(by_name.names, w.names, w.name_count * sizeof *w.names);
  qsort(by_name.names, w.name_count, sizeof *w.names, merged_by_count);
  by_name.relation_count = 0;
  reflect_names(&by_name, language, &b);
  w.name_count = 0;
  reflect_names(&w, language, &b);
  reflect_moments(moments, language, &b);
  return keep(&b, arena, ret_text);
}

/* ---- judging a language model ---- */

/* Every word of the source and of the speakers' names, as a set of surface hashes. */
static enum err known_words(const struct memory_input *in, struct map *known) {
  for (size_t i = 0; i < in->count; i++) {
    const struct str parts[] = {in->items[i].speaker, in->items[i].place, in->items[i].text};
    for (size_t p = 0; p < 3; p++) {
      size_t max = text_words_max(parts[p].len);
      struct text_word *words = calloc(max, sizeof *words);
      if (!words) return ERR_NO_MEMORY;
      size_t n = text_words(in->kit, in->language, parts[p], words, max);
      enum err e = ERR_OK;
      for (size_t k = 0; k < n && e == ERR_OK; k++) e = map_put(known, words[k].surface, known);
      free(words);
      TRY(e);
    }
  }
  return ERR_OK;
}

static bool names_are_known(const struct memory_input *in, struct str text, const struct map *known) {
  struct text_word words[MEMORY_SUMMARY_BYTES_MAX / 2 + 1];
  size_t n = text_words(in->kit, in->language, text, words, sizeof words / sizeof *words);
  for (size_t i = 0; i < n; i++) {
    unsigned f = words[i].flags;
    if ((f & TEXT_WORD_CAPITAL) && !(f & (TEXT_WORD_STOP | TEXT_WORD_FIRST)) &&
        !map_get(known, words[i].surface))
      return false;
  }
  return true;
}

bool memory_accepts(const struct memory_input *in, struct str text, const char **ret_why) {
  *ret_why = "it is shorter than 200 bytes";
  if (text.len < MEMORY_SUMMARY_BYTES_MIN) return false;
  *ret_why = "it is longer than 2,400 bytes";
  if (text.len > MEMORY_SUMMARY_BYTES_MAX) return false;
  *ret_why = "it is not UTF-8 text";
  if (!str_is_utf8(text) || memchr(text.ptr, 0, text.len)) return false;
  *ret_why = "it is in another language";
  enum text_language other = in->language == TEXT_ES ? TEXT_EN : TEXT_ES;
  if (text_language_guess(in->kit, text, other) != in->language) return false;
  struct map known = {};
  *ret_why = "out of memory";
  bool is_good = known_words(in, &known) == ERR_OK;
  if (is_good) {
    *ret_why = "it names somebody who is not in the source";
    is_good = names_are_known(in, text, &known);
  }
  map_free(&known);
  return is_good;
}

/* ---- BM25 ---- */

enum err memory_bm25(struct text_kit *kit, enum text_language language, struct str query,
                     const struct str *documents, size_t count, struct arena *arena, double *ret) {
  struct text_word q[QUERY_WORDS_MAX];
  size_t terms = 0, q_count = text_words(kit, language, query, q, QUERY_WORDS_MAX);
  for (size_t i = 0; i < q_count; i++)
    if (text_is_content(&q[i])) q[terms++] = q[i];
  memset(ret, 0, count * sizeof *ret);
  double *hits = ARENA_ARRAY(arena, double, (terms + 1) * count + 1),
         *lengths = ARENA_ARRAY(arena, double, count + 1);
  if (!hits || !lengths) return ERR_NO_MEMORY;
  double all = 0;
  for (size_t d = 0; d < count; d++) {
    size_t max = text_words_max(documents[d].len);
    struct text_word *words = calloc(max, sizeof *words);
    if (!words) return ERR_NO_MEMORY;
    size_t n = text_words(kit, language, documents[d], words, max);
    for (size_t i = 0; i < n; i++)
      for (size_t t = 0; t < terms; t++) hits[t * count + d] += words[i].term == q[t].term;
    lengths[d] = (double)n;
    all += (double)n;
    free(words);
  }
  double mean = count && all > 0 ? all / (double)count : 1;
  for (size_t t = 0; t < terms; t++) {
    double with = 0;
    for (size_t d = 0; d < count; d++) with += hits[t * count + d] > 0;
    double idf = log(1 + ((double)count - with + 0.5) / (with + 0.5));
    for (size_t d = 0; d < count; d++) {
      double f = hits[t * count + d];
      ret[d] += idf * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * lengths[d] / mean));
    }
  }
  return ERR_OK;
}
