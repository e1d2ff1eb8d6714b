#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "worlds/memory_parts.h"

#define NAMES_KNOWN_MAX 512 /* of a segment; later ones are not counted */
#define RELATIONS_KNOWN_MAX 1024
#define NODE_WORDS_MAX (MEMORY_NODE_CHARS / 2 + 1)
#define NAME_BYTES_MAX 64

/* Words of one node while it is read. */
struct reading {
  struct memory_work *w;
  struct map document_counts;   /* term → how many nodes have it, as a pointer */
  double last_sentiment;        /* of the speaker before, by name: see sentiment_of */
  struct map speaker_sentiment; /* speaker's key → &node.sentiment */
  size_t last_speaker;          /* name of the item before; SIZE_MAX */
};

/* ---- splitting ---- */

struct str memory_cut(struct str s, size_t max) {
  if (s.len <= max) return s;
  size_t n = max;
  while (n > max / 2 && s.ptr[n] != ' ' && s.ptr[n] != '\n') n--;
  if (n == max / 2)
    for (n = max; n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80;) n--;
  return str_trim((struct str){s.ptr, n});
}

struct str memory_speaker(const struct memory_item *item) {
  return memory_cut(item->speaker, NAME_BYTES_MAX);
}

static bool add_node(struct memory_work *w, size_t item, struct str text) {
  if (w->count == MEMORY_NODES_MAX) return false;
  if (text.len) w->nodes[w->count++] = (struct memory_node){.item = item, .text = text};
  return true;
}

static enum err split(struct memory_work *w) {
  size_t room = 0,
         each = MEMORY_NODES_MAX / w->in->count; /* a fair share, so that the last one is looked at, too */
  for (size_t i = 0; i < w->in->count; i++) room += 1 + w->in->items[i].text.len / 2;
  w->nodes = ARENA_ARRAY(w->in->arena, struct memory_node, room < MEMORY_NODES_MAX ? room : MEMORY_NODES_MAX);
  if (!w->nodes) return ERR_NO_MEMORY;
  for (size_t i = 0; i < w->in->count; i++) {
    struct str rest = str_trim(w->in->items[i].text), sentence;
    if (rest.len <= MEMORY_NODE_CHARS) {
      if (!add_node(w, i, rest)) break;
      continue;
    }
    for (size_t n = 0; n < each && text_sentence(&rest, &sentence); n++)
      if (!add_node(w, i, memory_cut(sentence, MEMORY_NODE_CHARS))) break;
  }
  return ERR_OK;
}

/* ---- names ---- */

struct memory_name *memory_name_find(const struct memory_work *w, uint64_t key) {
  for (size_t i = 0; i < w->name_count; i++)
    if (w->names[i].key == key) return &w->names[i];
  return NULL;
}

static uint64_t name_key(struct str name) {
  char folded[NAME_BYTES_MAX];
  return hash_bytes(folded, text_fold(name, folded, sizeof folded), 0);
}

/* SIZE_MAX when there are too many. *ret_is_new may be NULL. */
static size_t name_seen(struct memory_work *w, struct str name, int64_t turn, bool *ret_is_new) {
  uint64_t key = name_key(name);
  struct memory_name *known = memory_name_find(w, key);
  if (ret_is_new) *ret_is_new = !known;
  if (!known && w->name_count == NAMES_KNOWN_MAX) return SIZE_MAX;
  if (!known) {
    known = &w->names[w->name_count++];
    *known = (struct memory_name){.key = key, .name = memory_cut(name, NAME_BYTES_MAX), .first_turn = turn};
  }
  known->count++;
  return (size_t)(known - w->names);
}

static void relation_seen(struct memory_work *w, size_t a, size_t b, double sentiment) {
  if (a == SIZE_MAX || b == SIZE_MAX || a == b) return;
  if (a > b) {
    size_t other = a;
    a = b, b = other;
  }
  size_t i = 0;
  while (i < w->relation_count && (w->relations[i].a != a || w->relations[i].b != b)) i++;
  if (i == RELATIONS_KNOWN_MAX) return;
  if (i == w->relation_count) w->relations[w->relation_count++] = (struct memory_relation){.a = a, .b = b};
  w->relations[i].count++;
  w->relations[i].sentiment += sentiment;
}

/* A capital inside a sentence, or one at its start that is known already as a name. */
static bool is_name(const struct memory_work *w, const struct text_word *word) {
  if (!(word->flags & TEXT_WORD_CAPITAL) || (word->flags & (TEXT_WORD_STOP | TEXT_WORD_NUMBER))) return false;
  if (word->raw.len < 2) return false;
  return !(word->flags & TEXT_WORD_FIRST) || memory_name_find(w, name_key(word->raw));
}

/* ---- terms ---- */

static int by_term(const void *a, const void *b) {
  uint64_t x = ((const struct text_weight *)a)->term, y = ((const struct text_weight *)b)->term;
  return (x > y) - (x < y);
}

static enum err take_terms(struct reading *r, struct memory_node *n, const struct text_word *words,
                           size_t count) {
  struct text_weight terms[NODE_WORDS_MAX];
  size_t k = 0;
  for (size_t i = 0; i < count; i++)
    if (text_is_content(&words[i])) terms[k++] = (struct text_weight){words[i].term, 1};
  qsort(terms, k, sizeof *terms, by_term);
  size_t distinct = 0;
  for (size_t i = 0; i < k; i++) {
    if (distinct && terms[distinct - 1].term == terms[i].term) terms[distinct - 1].weight++;
    else terms[distinct++] = terms[i];
  }
  n->word_count = count;
  n->term_count = distinct;
  n->terms = ARENA_ARRAY(r->w->in->arena, struct text_weight, distinct + 1);
  if (!n->terms) return ERR_NO_MEMORY;
  memcpy(n->terms, terms, distinct * sizeof *terms);
  for (size_t i = 0; i < distinct; i++) {
    uintptr_t seen = (uintptr_t)map_get(&r->document_counts, terms[i].term);
    TRY(map_put(&r->document_counts, terms[i].term, (void *)(seen + 1)));
  }
  return ERR_OK;
}

/* tf → tf·idf of length 1. */
static void weigh(const struct reading *r, struct memory_node *n) {
  double all = (double)r->w->count, square = 0;
  for (size_t i = 0; i < n->term_count; i++) {
    double seen = (double)(uintptr_t)map_get(&r->document_counts, n->terms[i].term);
    n->terms[i].weight *= log(1 + all / seen);
    square += n->terms[i].weight * n->terms[i].weight;
  }
  for (size_t i = 0; i < n->term_count; i++) n->terms[i].weight /= sqrt(square);
}

double memory_cosine(const struct memory_node *a, const struct memory_node *b) {
  double dot = 0;
  for (size_t i = 0, j = 0; i < a->term_count && j < b->term_count;) {
    if (a->terms[i].term == b->terms[j].term) dot += a->terms[i++].weight * b->terms[j++].weight;
    else if (a->terms[i].term < b->terms[j].term) i++;
    else j++;
  }
  return dot;
}

/* ---- importance ---- */

struct signs { /* each 0 … 1, but change 0 … 2 */
  double key, change, new_entity, relation, event, user;
};

static double importance_of(const struct signs *s) {
  double x = 0.25 * s->key + 0.20 * s->change + 0.15 * s->new_entity + 0.15 * s->relation + 0.15 * s->event +
             0.10 * s->user;
  return 1 + 9 * (x < 0 ? 0 : x > 1 ? 1 : x);
}

/* The application may say it itself, in the interaction's data: {"event": …} marks an event, {"relationChange": −1 … 1}
 * how much a relation moved. */
static void signs_of_data(struct str data, struct signs *s) {
  if (!data.len || data.ptr[0] != '{') return;
  JSON_AUTO json_t *object = NULL;
  if (json_parse(data, &object, NULL) != ERR_OK) return;
  const json_t *event = json_object_get(object, "event"), *change = json_object_get(object, "relationChange");
  if (event && !json_is_null(event) && !json_is_false(event)) s->event = 1;
  if (json_is_number(change)) s->relation = fmin(1, fabs(json_number_value(change)));
}

static enum err read_node(struct reading *r, struct memory_node *n, bool opens_item) {
  struct memory_work *w = r->w;
  const struct memory_item *item = &w->in->items[n->item];
  struct text_word words[NODE_WORDS_MAX];
  size_t count = text_words(w->in->kit, w->in->language, n->text, words, NODE_WORDS_MAX);
  struct text_feel feel = text_feel(w->in->kit, w->in->language, n->text, words, count);
  struct signs s = {.key = feel.classes & TEXT_KEY ? 1 : 0, .user = item->is_user ? 1 : 0};
  n->sentiment = feel.sentiment;
  n->classes = feel.classes;
  size_t speaker = SIZE_MAX;
  bool is_new = false;
  if (item->speaker.len) {
    if (opens_item) speaker = name_seen(w, item->speaker, item->turn, &is_new);
    else {
      const struct memory_name *known = memory_name_find(w, name_key(item->speaker));
      speaker = known ? (size_t)(known - w->names) : SIZE_MAX;
    }
    if (speaker != SIZE_MAX) w->names[speaker].is_speaker = true;
  }
  if (is_new) s.new_entity = 1;
  bool has_other = false;
  for (size_t i = 0; i < count; i++) {
    if (!is_name(w, &words[i])) continue;
    size_t other = name_seen(w, words[i].raw, item->turn, &is_new);
    if (is_new) s.new_entity = 1;
    if (other == speaker) continue;
    has_other = true;
    relation_seen(w, speaker, other, feel.sentiment);
  }
  if (opens_item && r->last_speaker != speaker) relation_seen(w, speaker, r->last_speaker, feel.sentiment);
  if (has_other && (feel.classes & (TEXT_BONDING | TEXT_CONFLICT | TEXT_CONFESSION))) s.relation = 1;
  if (opens_item) signs_of_data(item->data, &s);
  uint64_t key = name_key(item->speaker);
  const double *before = map_get(&r->speaker_sentiment, key);
  s.change = fabs(feel.sentiment - (before ? *before : 0));
  TRY(map_put(&r->speaker_sentiment, key, &n->sentiment));
  n->importance = importance_of(&s);
  r->last_speaker = speaker;
  return take_terms(r, n, words, count);
}

static enum err read_all(struct reading *r) {
  struct memory_work *w = r->w;
  for (size_t i = 0; i < w->count; i++)
    TRY(read_node(r, &w->nodes[i], i == 0 || w->nodes[i - 1].item != w->nodes[i].item));
  for (size_t i = 0; i < w->count; i++) weigh(r, &w->nodes[i]);
  return ERR_OK;
}

enum err memory_read(struct memory_work *w) {
  w->names = ARENA_ARRAY(w->in->arena, struct memory_name, NAMES_KNOWN_MAX);
  w->relations = ARENA_ARRAY(w->in->arena, struct memory_relation, RELATIONS_KNOWN_MAX);
  if (!w->names || !w->relations) return ERR_NO_MEMORY;
  TRY(split(w));
  struct reading r = {.w = w, .last_speaker = SIZE_MAX};
  enum err e = read_all(&r);
  map_free(&r.document_counts);
  map_free(&r.speaker_sentiment);
  return e;
}

double memory_importance(struct text_kit *kit, enum text_language language, const struct memory_item *item) {
  struct text_word words[NODE_WORDS_MAX];
  struct str text = memory_cut(item->text, MEMORY_NODE_CHARS);
  size_t count = text_words(kit, language, text, words, NODE_WORDS_MAX);
  struct text_feel feel = text_feel(kit, language, text, words, count);
  struct signs s = {
      .key = feel.classes & TEXT_KEY ? 1 : 0, .user = item->is_user ? 1 : 0, .change = fabs(feel.sentiment)};
  signs_of_data(item->data, &s);
  return importance_of(&s);
}
