/* Files that are part of the binary: SQL and seed jobs (tools/embed.sh), the web UI (tools/embed-web.sh). */
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

/* A file of the web UI in one of its encodings. */
struct embedded_web {
  const char *path;     /* "/index.html", "/assets/app.1f3a.js"; NULL ends the table */
  const char *encoding; /* "" as it is, "br", "gzip" */
  const char *type;     /* content type */
  const char *etag;     /* with its quotes; each encoding has its own */
  const char *ptr;
  size_t size;
};
/* Empty in programs that do not serve it: tests, benchmarks, the one that prints the OpenAPI document. */
extern const struct embedded_web embedded_web[];

/* NULL when there is no such file in this encoding. */
const struct embedded_web *embedded_web_find(struct str path, struct str encoding);
