#include "worlds/calls.h"

static const struct world_call calls[] = {
#define CALL(name, fn, flags, help) {name, fn, flags, help},
#include "worlds/calls.def"
#undef CALL
    {},
};

const struct world_call *world_call_find(struct str name) {
  for (const struct world_call *c = calls; c->name; c++)
    if (str_eq(str_of(c->name), name)) return c;
  return NULL;
}
