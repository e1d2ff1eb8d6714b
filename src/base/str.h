/* A borrowed piece of text: pointer and length, not terminated, never owned. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
  const char *ptr;
  size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *text) { /* NULL gives STR_NONE */
  return text ? (struct str){text, strlen(text)} : STR_NONE;
}
static inline bool str_eq(struct str a, struct str b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);               /* spaces, tabs, CR, LF at both ends */
struct str str_from(struct str s, size_t start); /* start may be past the end: empty */
/* Position of c or of needle, or SIZE_MAX. */
size_t str_find_char(struct str s, char c);
size_t str_find(struct str s, struct str needle);
/* Cuts *rest at the next separator, returns the piece before it; false when *rest is used up.
 * "a,,b" gives "a", "", "b"; start with rest = the text, and rest.ptr != NULL. */
bool str_split(struct str *rest, char separator, struct str *ret_piece);
/* Whole text is a decimal integer within [min, max]; digits with an optional '-', nothing else. */
bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret_value);
bool str_is_utf8(struct str s); /* strict: no overlong forms, no surrogates; NUL is allowed */
/* Same time whatever differs; for secrets. Lengths may leak. */
bool str_eq_secret(struct str a, struct str b);
/* A malloc'ed, terminated copy, or NULL. Owned by the caller. */
char *str_dup(struct str s);
/* Copies as much as fits, always terminated; false when cut. */
bool str_copy(char *to, size_t size, struct str s);
