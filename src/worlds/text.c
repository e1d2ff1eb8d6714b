#include "worlds/text.h"

#include <assert.h>
#include <libstemmer.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

#define WORD_BYTES_MAX 96   /* of a word that is stemmed; of a longer one the beginning counts */
#define TABLE_SLOTS 4096    /* a power of two; lexicon and stop words fill about a third */
#define PHRASE_WORDS_MAX 3  /* of lexicon.def */
#define NEGATION_REACH 3    /* words */
#define BIT_STOP (1u << 15) /* beside enum text_class */
#define KNOWN_WORDS 1024   /* a power of two: of a kit, so that words that come again are not stemmed again */
#define KNOWN_BYTES_MAX 24 /* of a word that is kept so */

const char *const text_language_names[] = {"es", "en", NULL};

struct table {
  uint64_t keys[TABLE_SLOTS]; /* 0: free */
  unsigned bits[TABLE_SLOTS];
  size_t count;
};

/* Stop words and lexicon, made once a process; the language is part of the key. */
static struct table stops, lexicon;
static bool has_tables;
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

/* What a word's bytes came to in a language. */
struct known_word {
  char raw[KNOWN_BYTES_MAX];
  uint16_t len; /* 0: free */
  uint8_t language;
  bool is_stop;
  uint64_t term, surface;
};

struct text_kit {
  struct sb_stemmer *stemmers[2];
  const struct table *stops, *lexicon;
  struct known_word known[KNOWN_WORDS];
};

enum text_language text_language_of(struct str locale, enum text_language otherwise) {
  if (locale.len < 2 || (locale.len > 2 && locale.ptr[2] != '-' && locale.ptr[2] != '_')) return otherwise;
  struct str two = {locale.ptr, 2};
  for (int i = TEXT_ES; i <= TEXT_EN; i++)
    if (str_eq_nocase(two, str_of(text_language_names[i]))) return (enum text_language)i;
  return otherwise;
}

/* ---- characters ---- */

/* Decodes one character at *at and moves on; a byte that begins none is 0xFFFD and one byte long. */
static uint32_t next_char(struct str s, size_t *at) {
  const unsigned char *p = (const unsigned char *)s.ptr + *at;
  size_t left = s.len - *at, n = 1;
  uint32_t c = p[0];
  if (c < 0x80) return *at += 1, c;
  if (c >= 0xC2 && c < 0xE0) n = 2, c &= 0x1F;
  else if (c >= 0xE0 && c < 0xF0) n = 3, c &= 0x0F;
  else if (c >= 0xF0 && c < 0xF5) n = 4, c &= 0x07;
  if (n == 1 || n > left) return *at += 1, 0xFFFD;
  for (size_t i = 1; i < n; i++) {
    if ((p[i] & 0xC0) != 0x80) return *at += 1, 0xFFFD;
    c = c << 6 | (p[i] & 0x3F);
  }
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return *at += 1, 0xFFFD;
  return *at += n, c;
}

static size_t put_char(uint32_t c, char to[4]) {
  if (c < 0x80) return to[0] = (char)c, 1;
  if (c < 0x800) return to[0] = (char)(0xC0 | c >> 6), to[1] = (char)(0x80 | (c & 0x3F)), 2;
  if (c < 0x10000)
    return to[0] = (char)(0xE0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 0x3F)),
           to[2] = (char)(0x80 | (c & 0x3F)), 3;
  return to[0] = (char)(0xF0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 0x3F)),
         to[2] = (char)(0x80 | (c >> 6 & 0x3F)), to[3] = (char)(0x80 | (c & 0x3F)), 4;
}

static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static bool is_mark(uint32_t c) { return c >= 0x300 && c < 0x370; } /* combining accents */

static bool is_letter(uint32_t c) {
  if (c < 0x80) return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7 || c == 0xFFFD) return false;
  if (c < 0x2000) return true;
  return (c >= 0x2C00 && c < 0x2E00) || (c >= 0x3040 && c < 0xD800) || (c >= 0xF900 && c < 0xFE00) ||
         (c >= 0x20000 && c < 0x30000);
}

static uint32_t lower(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c < 0x100) return c >= 0xC0 && c <= 0xDE && c != 0xD7 ? c + 32 : c;
  if (c < 0x180) {
    if (c == 0x178) return 0xFF;
    bool is_odd_upper = (c >= 0x139 && c <= 0x148) || c >= 0x179;
    if (c == 0x130 || c == 0x131 || c == 0x138 || c == 0x149 || c == 0x17F) return c;
    return (c & 1) == (is_odd_upper ? 1u : 0u) ? c + 1 : c;
  }
  if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 32;
  return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

/* Of a lower-case character. */
static uint32_t plain(uint32_t c) {
  static const char latin_1[] = "aaaaaaaceeeeiiiidnooooo?ouuuuyty" /* E0 … FF */;
  static const char extended_a[] =
      "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllllllln"
      "nnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
  static_assert(sizeof latin_1 == 33 && sizeof extended_a == 129);
  if (c >= 0xE0 && c <= 0xFF && c != 0xF7) return (unsigned char)latin_1[c - 0xE0];
  if (c == 0xDF) return 's';
  return c >= 0x100 && c < 0x180 ? (unsigned char)extended_a[c - 0x100] : c;
}

size_t text_fold(struct str text, char *ret, size_t size) {
  size_t n = 0;
  for (size_t at = 0; at < text.len;) {
    uint32_t c = next_char(text, &at);
    if (is_mark(c)) continue;
    char bytes[4];
    size_t k = put_char(plain(lower(c)), bytes);
    if (n + k > size) break;
    memcpy(ret + n, bytes, k);
    n += k;
  }
  return n;
}

/* ---- tables ---- */

static uint64_t key_of(enum text_language language, uint64_t hash) {
  uint64_t key = hash_int(hash + (uint64_t)language + 1);
  return key ? key : 1;
}

static void table_add(struct table *t, uint64_t key, unsigned bits) {
  size_t i = key % TABLE_SLOTS;
  while (t->keys[i] && t->keys[i] != key) i = (i + 1) % TABLE_SLOTS;
  if (!t->keys[i]) ASSERT(++t->count < TABLE_SLOTS * 3 / 4);
  t->keys[i] = key;
  t->bits[i] |= bits;
}

static unsigned table_get(const struct table *t, uint64_t key) {
  for (size_t i = key % TABLE_SLOTS; t->keys[i]; i = (i + 1) % TABLE_SLOTS)
    if (t->keys[i] == key) return t->bits[i];
  return 0;
}

static uint64_t phrase_hash(const struct text_word *words, size_t count) {
  uint64_t h = words[0].term;
  for (size_t i = 1; i < count; i++) h = hash_int(h * 31 + words[i].term);
  return h;
}

/* ---- words ---- */

/* The word in lower case for the stemmer; composed letters and the curly apostrophe are brought to what it knows. */
static size_t lowered(struct str raw, char *to, size_t size) {
  size_t n = 0;
  for (size_t at = 0; at < raw.len;) {
    uint32_t c = next_char(raw, &at);
    char bytes[4];
    if (is_mark(c)) continue;
    size_t k = put_char(c == 0x2019 ? '\'' : lower(c), bytes);
    if (n + k > size) break;
    memcpy(to + n, bytes, k);
    n += k;
  }
  return n;
}

/* People write "confesion"; the Spanish stemmer knows "confesión" alone. */
static size_t accented(enum text_language language, char *word, size_t n, size_t size) {
  if (language != TEXT_ES || n < 6 || n + 1 > size || memcmp(word + n - 3, "ion", 3) != 0) return n;
  if (word[n - 4] != 'c' && word[n - 4] != 's') return n;
  memcpy(word + n - 2, "\xC3\xB3n", 3);
  return n + 1;
}

static void find_terms(struct text_kit *k, enum text_language language, struct text_word *w) {
  char low[WORD_BYTES_MAX], folded[WORD_BYTES_MAX];
  size_t n = lowered(w->raw, low, sizeof low);
  w->surface = hash_bytes(folded, text_fold((struct str){low, n}, folded, sizeof folded), 0);
  n = accented(language, low, n, sizeof low);
  struct str stem = {low, n};
  const sb_symbol *s = sb_stemmer_stem(k->stemmers[language], (const sb_symbol *)low, (int)n);
  if (s) stem = (struct str){(const char *)s, (size_t)sb_stemmer_length(k->stemmers[language])};
  w->term = hash_bytes(folded, text_fold(stem, folded, sizeof folded), 0);
  if (table_get(k->stops, key_of(language, w->surface)) & BIT_STOP) w->flags |= TEXT_WORD_STOP;
}

static void word_terms(struct text_kit *k, enum text_language language, struct text_word *w) {
  if (w->raw.len > KNOWN_BYTES_MAX) {
    find_terms(k, language, w);
    return;
  }
  struct known_word *known = &k->known[hash_bytes(w->raw.ptr, w->raw.len, language) % KNOWN_WORDS];
  if (known->len == w->raw.len && known->language == language &&
      memcmp(known->raw, w->raw.ptr, w->raw.len) == 0) {
    w->term = known->term, w->surface = known->surface;
    if (known->is_stop) w->flags |= TEXT_WORD_STOP;
    return;
  }
  find_terms(k, language, w);
  *known = (struct known_word){.len = (uint16_t)w->raw.len,
                               .language = (uint8_t)language,
                               .is_stop = w->flags & TEXT_WORD_STOP,
                               .term = w->term,
                               .surface = w->surface};
  memcpy(known->raw, w->raw.ptr, w->raw.len);
}

/* The apostrophe at `at` stands between letters. */
static bool joins(struct str text, size_t at, uint32_t c) {
  if ((c != '\'' && c != 0x2019) || at >= text.len) return false;
  return is_letter(next_char(text, &at));
}

static bool ends_sentence(uint32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == '\n'; }

size_t text_words(struct text_kit *k, enum text_language language, struct str text, struct text_word *ret,
                  size_t max) {
  size_t count = 0;
  bool is_first = true;
  for (size_t at = 0; at < text.len && count < max;) {
    size_t start = at;
    uint32_t c = next_char(text, &at);
    if (!is_letter(c)) {
      is_first = is_first || ends_sentence(c) || c == 0xBF || c == 0xA1; /* ¿ ¡ */
      continue;
    }
    struct text_word w = {.flags = lower(c) != c ? TEXT_WORD_CAPITAL : 0};
    bool is_number = true;
    size_t end = start;
    for (at = start; at < text.len; end = at) {
      size_t before = at;
      c = next_char(text, &at);
      if (!is_letter(c) && !joins(text, at, c)) {
        at = before;
        break;
      }
      is_number = is_number && is_digit(c);
    }
    if (is_number) w.flags |= TEXT_WORD_NUMBER;
    if (is_first) w.flags |= TEXT_WORD_FIRST;
    w.raw = (struct str){text.ptr + start, end - start};
    word_terms(k, language, &w);
    ret[count++] = w;
    is_first = false;
  }
  return count;
}

/* ---- the kit ---- */

static void add_list(struct text_kit *k, enum text_language language, unsigned bits, const char *list) {
  struct str rest = str_of(list), piece;
  while (str_split(&rest, ' ', &piece)) {
    if (!piece.len) continue;
    if (bits & BIT_STOP) {
      char folded[WORD_BYTES_MAX];
      table_add(&stops, key_of(language, hash_bytes(folded, text_fold(piece, folded, sizeof folded), 0)),
                bits);
      continue;
    }
    struct text_word words[PHRASE_WORDS_MAX];
    size_t n = text_words(k, language, piece, words, PHRASE_WORDS_MAX); /* "_" parts words */
    if (n) table_add(&lexicon, key_of(language, phrase_hash(words, n)), bits);
  }
}

static void make_tables(struct text_kit *k) {
#define STOP_WORDS(language, words) add_list(k, TEXT_##language, BIT_STOP, words);
#include "worlds/stop_words.def"
#undef STOP_WORDS
#define LEXICON(class_, language, words) add_list(k, TEXT_##language, TEXT_##class_, words);
#include "worlds/lexicon.def"
#undef LEXICON
}

static void need_tables(struct text_kit *k) {
  pthread_mutex_lock(&tables_lock);
  k->stops = &stops, k->lexicon = &lexicon;
  if (!has_tables) make_tables(k);
  has_tables = true;
  pthread_mutex_unlock(&tables_lock);
}

enum err text_kit_new(struct text_kit **ret) {
  struct text_kit *k = calloc(1, sizeof *k);
  if (!k) return ERR_NO_MEMORY;
  k->stemmers[TEXT_ES] = sb_stemmer_new("spanish", NULL);
  k->stemmers[TEXT_EN] = sb_stemmer_new("english", NULL);
  if (!k->stemmers[TEXT_ES] || !k->stemmers[TEXT_EN]) {
    text_kit_free(k);
    return ERR_NO_MEMORY;
  }
  need_tables(k);
  *ret = k;
  return ERR_OK;
}

void text_kit_free(struct text_kit *k) {
  if (!k) return;
  sb_stemmer_delete(k->stemmers[TEXT_ES]);
  sb_stemmer_delete(k->stemmers[TEXT_EN]);
  free(k);
}

/* ---- sentences ---- */

static bool is_space(uint32_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xA0 || c == 0x3000 ||
         (c >= 0x2000 && c < 0x200B);
}

static bool closes(uint32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0xBB || c == 0x201D || c == 0x2019 || c == '*';
}

/* "Sr." and single initials end no sentence. */
static bool is_short_form(struct str before) {
  static const char *const forms[] = {"sr",  "sra", "srta", "dr",   "dra", "don", "mr",
                                      "mrs", "ms",  "st",   "prof", "ud",  "uds", NULL};
  size_t start = before.len;
  while (start && before.ptr[start - 1] != ' ' && before.ptr[start - 1] != '\n') start--;
  struct str word = str_from(before, start);
  if (word.len == 1 && word.ptr[0] >= 'A' && word.ptr[0] <= 'Z') return true;
  for (size_t i = 0; forms[i]; i++)
    if (str_eq_nocase(word, str_of(forms[i]))) return true;
  return false;
}

static struct str trim_spaces(struct str s) {
  for (size_t at = 0; at < s.len;) {
    size_t before = at;
    if (!is_space(next_char(s, &at))) return str_trim(str_from(s, before));
  }
  return (struct str){s.ptr, 0};
}

/* Where the sentence that begins at 0 ends. */
static size_t sentence_end(struct str s) {
  for (size_t at = 0; at < s.len;) {
    size_t before = at;
    uint32_t c = next_char(s, &at);
    if (c == '\n') return at;
    if (!ends_sentence(c)) continue;
    bool is_dot = c == '.' && is_short_form((struct str){s.ptr, before});
    while (at < s.len) { /* marks that belong to it: "?!", quotes */
      size_t next = at;
      c = next_char(s, &next);
      if (!closes(c) && (!ends_sentence(c) || c == '\n')) break;
      at = next, is_dot = false;
    }
    size_t next = at;
    if (at >= s.len || (!is_dot && is_space(next_char(s, &next)))) return at;
  }
  return s.len;
}

bool text_sentence(struct str *rest, struct str *ret) {
  *rest = trim_spaces(*rest);
  if (!rest->len) return false;
  size_t end = sentence_end(*rest);
  *ret = str_trim((struct str){rest->ptr, end});
  *rest = str_from(*rest, end);
  return true;
}

/* ---- language and feeling ---- */

enum text_language text_language_guess(struct text_kit *k, struct str text, enum text_language otherwise) {
  size_t hits[2] = {};
  char folded[WORD_BYTES_MAX];
  for (size_t at = 0; at < text.len;) {
    size_t start = at, end = at;
    while (at < text.len) {
      uint32_t c = next_char(text, &at);
      if (!is_letter(c) && !joins(text, at, c)) break;
      end = at;
    }
    if (end == start) continue;
    struct str word = {text.ptr + start, end - start};
    uint64_t h = hash_bytes(folded, text_fold(word, folded, sizeof folded), 0);
    for (int i = TEXT_ES; i <= TEXT_EN; i++)
      if (table_get(k->stops, key_of((enum text_language)i, h))) hits[i]++;
  }
  if (hits[TEXT_ES] == hits[TEXT_EN]) return otherwise;
  return hits[TEXT_ES] > hits[TEXT_EN] ? TEXT_ES : TEXT_EN;
}

static size_t count_marks(struct str text) {
  size_t n = 0;
  for (size_t i = 0; i < text.len; i++) n += text.ptr[i] == '!' || text.ptr[i] == '?';
  return n;
}

struct text_feel text_feel(const struct text_kit *k, enum text_language language, struct str text,
                           const struct text_word *words, size_t count) {
  struct text_feel f = {.marks = count_marks(text)};
  size_t negated_until = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned bits = 0;
    for (size_t n = 1; n <= PHRASE_WORDS_MAX && i + n <= count; n++)
      bits |= table_get(k->lexicon, key_of(language, phrase_hash(words + i, n)));
    bool is_negated = i < negated_until;
    bool is_good = bits & TEXT_POSITIVE, is_bad = bits & TEXT_NEGATIVE;
    f.positive += (is_good && !is_negated) || (is_bad && is_negated);
    f.negative += (is_bad && !is_negated) || (is_good && is_negated);
    f.classes |= bits & TEXT_KEY;
    if (bits & TEXT_NEGATION) negated_until = i + 1 + NEGATION_REACH;
  }
  double x = (double)f.positive - (double)f.negative;
  f.sentiment = x / sqrt(x * x + 2);
  return f;
}

double text_cosine(const struct text_weight *a, size_t a_count, const struct text_weight *b, size_t b_count) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a_count; i++) aa += a[i].weight * a[i].weight;
  for (size_t i = 0; i < b_count; i++) bb += b[i].weight * b[i].weight;
  for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
    if (a[i].term == b[j].term) dot += a[i++].weight * b[j++].weight;
    else if (a[i].term < b[j].term) i++;
    else j++;
  }
  return aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : 0;
}
