/* Files that are part of the binary: SQL, seed jobs, the web UI. Written by tools/embed.sh. */
#pragma once
#include <stddef.h>

#include "base/str.h"

struct embedded_file {
  const char *name; /* "sql/sqlite/001_schema.sql"; NULL ends the table */
  const char *ptr;  /* terminated by a NUL that size does not count */
  size_t size;
};
extern const struct embedded_file embedded_files[];

/* The file's bytes, STR_NONE when there is none of that name. */
struct str embedded_find(const char *name);
