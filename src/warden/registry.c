#include "warden/child.h"

#define EXECUTOR(name) extern const struct executor executor_##name;
#include "executors/registry.def"
#undef EXECUTOR

const struct executor *const executors[] = {
#define EXECUTOR(name) &executor_##name,
#include "executors/registry.def"
#undef EXECUTOR
    NULL,
};

const char *param_type_text(enum param_type type) {
  static const char *const names[] = {"text", "integer", "number", "boolean", "list of text", "object"};
  return names[type];
}

const struct executor *executor_find(struct str name) {
  for (const struct executor *const *e = executors; *e; e++)
    if (str_eq(str_of((*e)->name), name)) return *e;
  return NULL;
}
