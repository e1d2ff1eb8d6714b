/* What every unit test includes: cmocka with its headers in the right order, and row checks that
 * name the row. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

/* Table rows carry their line: {__LINE__, input, want}. */
#define CHECK_ROW(line, cond)                                                      \
  do {                                                                             \
    if (!(cond)) fail_msg("row at line %d: %s does not hold", (int)(line), #cond); \
  } while (0)

/* Fails with both texts shown. */
void check_str_eq(struct str got, struct str want, int line);
#define CHECK_STR(got, want) check_str_eq((got), (want), __LINE__)
#define CHECK_OK(expr) assert_int_equal((expr), ERR_OK)
