/* The filter language of every list: jobs, runs, worlds, the audit log; in the API (q=), on the command line, in pages.
 *
 *   status:failed,timeout tag:SYNC owner:ana p95>30s next<10m name~shelly -tag:test "two words" word
 *
 * Terms are joined by AND; commas within a value are OR; '-' before a term is NOT. What is no key:value is searched in
 * the row's words. Texts compare without case and without accents. ':' is "is" ('*' stands for anything), '~' is
 * "contains", and < <= > >= compare numbers, durations (30s, 1m30s, 500ms, 2h, 1d, 1w; a bare number is seconds),
 * sizes (64MB), and instants. An instant is compared by its distance from now (last<1h: less than an hour ago;
 * next<10m: in less than ten minutes) or with a date (started>2026-11-01, in UTC unless it carries an offset).
 * key:none and key:any ask whether there is a value at all. docs/api.md tells users the same. Pure. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#define FILTER_TERMS_MAX 32  /* far more than a person types */
#define FILTER_VALUES_MAX 16 /* of one term, between commas */
#define FILTER_BYTES_MAX 1000
#define FILTER_FOLD_MAX 4200 /* bytes of a text that are looked at: a whole description */

enum filter_type {
  FILTER_TEXT,
  FILTER_TAGS,   /* several texts in one cell, each ended by '\n' */
  FILTER_CHOICE, /* of key->values; a cell is a bit per value that is true of the row */
  FILTER_NUMBER,
  FILTER_DURATION, /* ms */
  FILTER_BYTES,
  FILTER_PAST,   /* an instant that has been */
  FILTER_FUTURE, /* an instant to come */
  FILTER_FLAG,   /* yes, no */
  FILTER_TYPE_COUNT
};

struct filter_key {
  const char *name;  /* what people write */
  const char *alias; /* another spelling, or NULL */
  enum filter_type type;
  const char *const *values; /* CHOICE: NULL-terminated, at most 63 */
  const char *help;          /* one English line */
};

struct filter_list { /* what one list can be asked */
  const char *name;  /* "jobs" */
  const struct filter_key *keys;
  size_t key_count;
};

enum filter_op { FILTER_IS, FILTER_CONTAINS, FILTER_LESS, FILTER_AT_MOST, FILTER_MORE, FILTER_AT_LEAST };

struct filter_term {
  size_t key; /* index in list->keys, FILTER_WORDS */
  enum filter_op op;
  bool is_not;
  bool wants_none, wants_any;           /* key:none, key:any */
  uint64_t choices;                     /* CHOICE and FLAG */
  int64_t number;                       /* the others but texts; instants are absolute */
  struct str values[FILTER_VALUES_MAX]; /* texts, folded */
  size_t value_count;
};
#define FILTER_WORDS SIZE_MAX

struct filter {
  const struct filter_list *list;
  struct filter_term terms[FILTER_TERMS_MAX];
  size_t count; /* 0: everything fits */
};

/* Parses `text` (NULL or empty: an empty filter). ERR_INVALID has field "q", the 1-based column in bytes, what is wrong
 * and a hint with the keys or values there are. The filter and its texts lie in the arena. */
enum err filter_parse(const struct filter_list *list, struct str text, int64_t now_ms, struct arena *a,
                      const struct filter **ret, struct err_detail *detail);

struct filter_cell { /* one value of a row; a zeroed number is 0, so set FIELD_NULL where there is none */
  int64_t number;    /* FIELD_NULL (INT64_MIN) = none; CHOICE: bits */
  struct str text;   /* ptr NULL = none */
  bool is_folded;    /* text went through filter_fold already */
};
/* The value of `row` for key (or FILTER_WORDS: the text that words are searched in). */
typedef struct filter_cell filter_cell_fn(const void *row, size_t key);
bool filter_fits(const struct filter *f, filter_cell_fn *cell, const void *row);
/* Does the filter ask about this key? */
bool filter_asks(const struct filter *f, size_t key);

/* Lower case without accents, for comparing: writes at most `size` bytes and returns how many. Never longer than s. */
size_t filter_fold(struct str s, char *to, size_t size);
/* One object: list, and its keys with type, operators, values and help: what suggestions are made of. */
void filter_list_json(const struct filter_list *list, struct json_writer *w);
