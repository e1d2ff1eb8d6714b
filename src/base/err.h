/* Error codes and the bounded detail that climbs with them.
 * Only app, cli and executors print or log; everyone else returns one of these. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
enum [[nodiscard]] err {
#define ERR(name, status, code, retryable, text) ERR_##name,
#include "base/err.def"
#undef ERR
  ERR_COUNT
};
/* clang-format on */

#define ERR_FIELD_MAX 64
#define ERR_TEXT_MAX 256

/* What a person needs to mend the input. Plain data, never allocated; unset parts are "" and 0. */
struct err_detail {
  char field[ERR_FIELD_MAX];  /* JSON name, argument or configuration key */
  int line;                   /* 1-based, 0 = none */
  int column;                 /* 1-based, 0 = none */
  char message[ERR_TEXT_MAX]; /* what is wrong */
  char hint[ERR_TEXT_MAX];    /* what to do */
};

/* The stable code used in answers, e.g. "not_found". */
const char *err_code(enum err e);
const char *err_text(enum err e);
int err_http_status(enum err e);
bool err_is_retryable(enum err e);

/* Fills *d (may be NULL) and returns e, so that failing is one line:
 *   return err_set(d, ERR_INVALID, "schedule", 3, "minute 75 is above 59");  */
[[gnu::format(printf, 5, 6)]] enum err err_set(struct err_detail *d, enum err e, const char *field,
                                               int column, const char *format, ...);
/* Adds a hint to a detail that is set already; d may be NULL. */
[[gnu::format(printf, 2, 3)]] void err_hint(struct err_detail *d, const char *format, ...);

/* A bug, not an input error: says where and aborts. Stays on in release. */
_Noreturn void assert_fail(const char *what, const char *file, int line);
#define ASSERT(cond) ((cond) ? (void)0 : assert_fail(#cond, __FILE__, __LINE__))

/* Returns from the caller when an error occurred. */
#define TRY(expr)                            \
  do {                                       \
    enum err try_err_ = (expr);              \
    if (try_err_ != ERR_OK) return try_err_; \
  } while (0)
