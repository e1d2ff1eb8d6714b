/* Answers kept by Idempotency-Key, so that a repeated POST is answered again instead of done again.
 * Bounded by count and bytes; the oldest finished one goes first. Pure: the tick is an argument. */
#pragma once
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define IDEMPOTENCY_ENTRIES_MAX 1024
#define IDEMPOTENCY_BYTES_MAX (8 * 1024 * 1024)
#define IDEMPOTENCY_ANSWER_MAX 262144 /* a larger answer is not kept: the key is forgotten */
#define IDEMPOTENCY_KEY_MAX 255
#define IDEMPOTENCY_HOURS 24

struct idempotency;
struct idempotency_answer { /* borrowed from the table */
  int status;
  struct str content_type, location, etag, body;
};

enum err idempotency_new(struct idempotency **ret);
void idempotency_free(struct idempotency *t);

enum idempotency_state {
  IDEMPOTENCY_NEW,    /* never seen: do it, then idempotency_finish or idempotency_forget */
  IDEMPOTENCY_BUSY,   /* the first one is not answered yet */
  IDEMPOTENCY_REUSED, /* the same key with another request */
  IDEMPOTENCY_DONE,   /* *ret_answer is what was answered */
  IDEMPOTENCY_FULL    /* too many unfinished ones */
};
/* scope: who and which route; request: hash of the body. */
enum idempotency_state idempotency_begin(struct idempotency *t, uint64_t scope, struct str key,
                                         uint64_t request, struct tick now,
                                         struct idempotency_answer *ret_answer);
void idempotency_finish(struct idempotency *t, uint64_t scope, struct str key,
                        const struct idempotency_answer *answer);
void idempotency_forget(struct idempotency *t, uint64_t scope, struct str key);
