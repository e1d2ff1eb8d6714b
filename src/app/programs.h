/* Programs in the executors folder: any language, no registration but the file itself. The file's name is the
 * executor's name. Only regular files that are executable and that neither their group nor others may write,
 * in a folder of which the same holds, are ever named. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct programs {
  char folder[4000];
};

/* The full path of a program that may be run now. ERR_NOT_FOUND, or ERR_FORBIDDEN with what is wrong with it. */
enum err programs_find(const struct programs *p, struct str name, char *ret_path, size_t size,
                       struct err_detail *detail);
/* Those that may be run, sorted by name. */
void programs_each(const struct programs *p, void (*fn)(void *arg, const char *name, const char *path),
                   void *arg);
size_t programs_count(const struct programs *p);
