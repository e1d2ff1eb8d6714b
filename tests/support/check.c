#include "tests/support/check.h"

void check_str_eq(struct str got, struct str want, int line) {
  if (!str_eq(got, want)) fail_msg("line %d: got \"%.*s\", want \"%.*s\"", line, STR_ARG(got), STR_ARG(want));
}
