#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct err_row {
  int status;
  const char *code;
  bool retryable;
  const char *text;
};

static const struct err_row rows[ERR_COUNT] = {
#define ERR(name, status, code, retryable, text) [ERR_##name] = {status, code, retryable, text},
#include "base/err.def"
#undef ERR
};

static const struct err_row *row_of(enum err e) {
  ASSERT((unsigned)e < ERR_COUNT);
  return &rows[e];
}

const char *err_code(enum err e) { return row_of(e)->code; }
const char *err_text(enum err e) { return row_of(e)->text; }
int err_http_status(enum err e) { return row_of(e)->status; }
bool err_is_retryable(enum err e) { return row_of(e)->retryable; }

enum err err_set(struct err_detail *d, enum err e, const char *field, int column, const char *format, ...) {
  if (!d) return e;
  *d = (struct err_detail){.column = column};
  if (field) (void)snprintf(d->field, sizeof d->field, "%s", field);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(d->message, sizeof d->message, format, args);
  va_end(args);
  return e;
}

void err_hint(struct err_detail *d, const char *format, ...) {
  if (!d) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(d->hint, sizeof d->hint, format, args);
  va_end(args);
}

void assert_fail(const char *what, const char *file, int line) {
  (void)fprintf(stderr, "sereno: bug: %s does not hold at %s:%d\n", what, file, line);
  abort();
}
