/* The closed sets of enums.def as C enums with their texts: enum run_status { RUN_RUNNING, … },
 * run_status_names[] (NULL-terminated, for field tables) and run_status_text(). */
#pragma once
#include "time/backoff.h" /* enum backoff_strategy: the same set, owned by time/ */

#define ENUM_BEGIN(prefix, name) enum name {
#define ENUM_VALUE(prefix, value, text) prefix##_##value,
#define ENUM_END(prefix, name) \
  prefix##_COUNT               \
  }                            \
  ;
#include "model/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

#define ENUM_BEGIN(prefix, name)           \
  extern const char *const name##_names[]; \
  static inline const char *name##_text(enum name value) { return name##_names[value]; }
#define ENUM_VALUE(prefix, value, text)
#define ENUM_END(prefix, name)
#include "model/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

extern const char *const backoff_strategy_names[];
