#include "model/enums.h"

#include <stddef.h>

#define ENUM_BEGIN(prefix, name) const char *const name##_names[] = {
#define ENUM_VALUE(prefix, value, text) text,
#define ENUM_END(prefix, name) \
  NULL                         \
  }                            \
  ;
#include "model/enums.def"

const char *const backoff_strategy_names[] = {"linear", "exponential", NULL};
