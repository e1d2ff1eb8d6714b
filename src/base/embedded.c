#include "base/embedded.h"

struct str embedded_find(const char *name) {
  for (const struct embedded_file *f = embedded_files; f->name; f++)
    if (str_eq(str_of(f->name), str_of(name))) return (struct str){f->ptr, f->size};
  return STR_NONE;
}
