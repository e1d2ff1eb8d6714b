/* The arguments that `sereno next` and `sereno explain` share, and the reading of their values. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "time/schedule.h"

#define SCHEDULE_ARGS_COUNT_MAX 100000 /* runs printed; bounds the answer */

struct schedule_args {
  char expression[LIMIT_SCHEDULE_BYTES + 2]; /* several arguments are joined by spaces */
  struct schedule_options options;           /* its texts are borrowed from argv */
  int64_t from_ms;
  int64_t count;
  int64_t usual_ms;
  enum schedule_lang lang;
  bool is_prev, is_json, is_jsonl, is_help;
};

/* Defaults: UTC, from now_ms, `count` runs, English. ERR_INVALID with the argument as the detail's field. */
enum err schedule_args_parse(int argc, char **argv, int64_t now_ms, int64_t count, struct schedule_args *ret,
                             struct err_detail *detail);

/* One named value of the batch mode or of the command line: "tz", "dialect", "dst", "dom_dow", "seed", "start", "end",
 * "anchor". ERR_NOT_FOUND when the name is none of them; the text is borrowed. */
enum err schedule_args_set_option(struct schedule_options *o, struct str name, struct str value,
                                  struct err_detail *detail);

/* Prints what is wrong, where, and the hint on stderr; returns exit code 2. */
int schedule_args_fail(const char *verb, enum err e, const struct err_detail *detail, const char *expression);
