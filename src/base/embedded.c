#include "base/embedded.h"

struct str embedded_find(const char *name) {
  for (const struct embedded_file *f = embedded_files; f->name; f++)
    if (str_eq(str_of(f->name), str_of(name))) return (struct str){f->ptr, f->size};
  return STR_NONE;
}

[[gnu::weak]] const struct embedded_web embedded_web[] = {{0}};

const struct embedded_web *embedded_web_find(struct str path, struct str encoding) {
  for (const struct embedded_web *f = embedded_web; f->path; f++)
    if (str_eq(str_of(f->path), path) && str_eq(str_of(f->encoding), encoding)) return f;
  return NULL;
}
