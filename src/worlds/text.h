/* Words, sentences and feelings of Spanish and English texts: what memory consolidation and the narrative metrics
 * measure by. Pure and deterministic; bytes that are no UTF-8 are taken for gaps between words.
 *
 * A word is a run of letters and digits, with apostrophes inside. Its term is a stable hash of its stem (Snowball's,
 * by libstemmer), lower case and without accents, so "Confesión" and "confesion" meet in one term. A kit holds the
 * stemmers and the words it has seen; it is used by one thread at a time. Stop words and the lexicon (lexicon.def) are
 * made with a process's first kit, in about a millisecond. */
#pragma once
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum text_language { TEXT_ES, TEXT_EN };
extern const char *const text_language_names[]; /* "es", "en" */
/* Of a world's locale, "es-ES" or "en_GB"; otherwise when it is neither. */
enum text_language text_language_of(struct str locale, enum text_language otherwise);

enum text_class { /* of lexicon.def; bits */
                  TEXT_CONFESSION = 1,
                  TEXT_CONFLICT = 2,
                  TEXT_BONDING = 4,
                  TEXT_REVELATION = 8,
                  TEXT_COMEDY = 16,
                  TEXT_KEY = 31, /* any of those five: a key moment (requirements 8.1) */
                  TEXT_POSITIVE = 32,
                  TEXT_NEGATIVE = 64,
                  TEXT_NEGATION = 128 /* turns the feeling of the three words after it */
};

enum text_word_flag {
  TEXT_WORD_STOP = 1,    /* says nothing by itself: "el", "with" */
  TEXT_WORD_CAPITAL = 2, /* begins with a capital letter */
  TEXT_WORD_FIRST = 4,   /* begins a sentence, so that its capital says nothing */
  TEXT_WORD_NUMBER = 8   /* digits only */
};
struct text_word {
  struct str raw; /* as in the text; borrowed */
  uint64_t term;
  uint64_t surface; /* hash of the word itself, lower case and without accents, not stemmed */
  unsigned flags;
};

struct text_kit;
enum err text_kit_new(struct text_kit **ret);
void text_kit_free(struct text_kit *k); /* NULL-safe */

/* At most max words into ret; returns how many there were, at most max. */
size_t text_words(struct text_kit *k, enum text_language language, struct str text, struct text_word *ret,
                  size_t max);
/* More words than text_words can give for a text of so many bytes. */
static inline size_t text_words_max(size_t bytes) { return bytes / 2 + 1; }
static inline bool text_is_content(const struct text_word *w) {
  return !(w->flags & (TEXT_WORD_STOP | TEXT_WORD_NUMBER));
}

/* Lower case, without accents, as UTF-8; returns the bytes written, cut at a character when size is short. */
size_t text_fold(struct str text, char *ret, size_t size);
/* Cuts the next sentence off *rest (with its closing marks, without the spaces around); false when nothing but
 * spaces is left. Ends at . ! ? … before a space, and at line ends; not after "Sr." and the like. */
bool text_sentence(struct str *rest, struct str *ret);
/* The language whose stop words are more; otherwise when they are as many. */
enum text_language text_language_guess(struct text_kit *k, struct str text, enum text_language otherwise);

struct text_feel {
  unsigned classes; /* enum text_class of words and phrases in it */
  double sentiment; /* −1 … 1: (positive − negative) / sqrt((positive − negative)² + 2) */
  size_t positive, negative;
  size_t marks; /* of exclamation and question that close something */
};
struct text_feel text_feel(const struct text_kit *k, enum text_language language, struct str text,
                           const struct text_word *words, size_t count);
/* Cosine of two bags of terms, each sorted by term, with their weights. */
struct text_weight {
  uint64_t term;
  double weight;
};
double text_cosine(const struct text_weight *a, size_t a_count, const struct text_weight *b, size_t b_count);
