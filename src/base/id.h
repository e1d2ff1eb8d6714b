/* Identifiers: a strictly growing 64-bit number inside, the same number as a cuid-shaped text
 * outside (^c[a-z0-9]{24}$, C-15, C-38): 'c', 13 base-36 digits of the number, 11 digits of a keyed
 * hash of it. The text sorts by time, so the primary key index is append-only, and it can be turned
 * back into the number without a look-up. */
#pragma once
#include <stdint.h>

#include "base/str.h"

#define ID_TEXT_LEN 25

struct id_text {
  char text[ID_TEXT_LEN + 1];
};

/* Makes numbers: milliseconds since 2020 in the upper 42 bits, a counter below. */
struct id_maker {
  int64_t last;
};

/* The next number, greater than every one before it even when the clock steps back. After a start,
 * set last to the greatest number in the store. Always positive. */
int64_t id_next(struct id_maker *maker, int64_t now_ms);
/* Set in numbers that are proposed to be used later: the store gives its own from the bottom of each millisecond. */
#define ID_PROPOSED (INT64_C(1) << 20)
/* The instant a number was made at, epoch milliseconds. */
int64_t id_made_ms(int64_t number);
struct id_text id_to_text(int64_t number);
/* False when it is no text of ours (also when its check digits are wrong). */
bool id_from_text(struct str text, int64_t *ret_number);
/* The shape alone, for ids that others made (Prisma, callers): 1–64 of [A-Za-z0-9_-]. */
bool id_is_acceptable(struct str text);
