/* Routes as data: dispatch, 404/405, roles, CSRF, OpenAPI and the role matrix come from one table. */
#pragma once
#include "http/http.h"
#include "model/enums.h"
#include "model/field.h"

struct call;

/* What a request or an answer looks like. Fields say name, type and bounds; parts are nested. */
struct shape_part {
  const char *name;
  const struct shape *of; /* NULL: any JSON value */
  enum { PART_OBJECT, PART_LIST, PART_NULLABLE, PART_TEXTS, PART_INSTANTS } kind;
};
struct shape {
  const char *name;         /* of the OpenAPI schema */
  const struct shape *base; /* its fields and parts come first; NULL = none */
  const struct field *fields;
  const size_t *field_count;
  const struct shape_part *parts;
  size_t part_count;
  size_t size; /* of the record an input is read into; 0 = the handler reads the JSON itself */
  enum field_mode mode;
  bool is_open; /* other keys may follow */
};
/* SHAPE(jobs_query, "JobsQuery", struct jobs_query, FIELD…) defines jobs_query_fields, _count and _shape. */
#define SHAPE_OF(id, schema, bytes, ...)                                     \
  static const struct field id##_fields[] = {__VA_ARGS__};                   \
  static const size_t id##_count = sizeof id##_fields / sizeof *id##_fields; \
  const struct shape id##_shape = {                                          \
      .name = (schema), .fields = id##_fields, .field_count = &id##_count, .size = (bytes)}
/* An answer whose fields follow those of another. */
#define SHAPE_OVER(id, schema, base_shape, ...)                              \
  static const struct field id##_fields[] = {__VA_ARGS__};                   \
  static const size_t id##_count = sizeof id##_fields / sizeof *id##_fields; \
  const struct shape id##_shape = {                                          \
      .name = (schema), .base = (base_shape), .fields = id##_fields, .field_count = &id##_count}
/* The same with parts, for answers; base_shape may be NULL. */
#define SHAPE_PARTS(id, schema, base_shape, part_list, ...)                  \
  static const struct field id##_fields[] = {__VA_ARGS__};                   \
  static const size_t id##_count = sizeof id##_fields / sizeof *id##_fields; \
  const struct shape id##_shape = {.name = (schema),                         \
                                   .base = (base_shape),                     \
                                   .fields = id##_fields,                    \
                                   .field_count = &id##_count,               \
                                   .parts = (part_list),                     \
                                   .part_count = sizeof(part_list) / sizeof *(part_list)}
/* A field of an input record; a field of an answer that is written by hand. */
#define IN(record, member, name, type, flags, min, max, otherwise, help) \
  { name, FIELD_##type, (flags), (min), (max), (otherwise), NULL, offsetof(record, member), help }
#define IN_ENUM(record, member, name, flags, otherwise, names, help) \
  { name, FIELD_ENUM, (flags), 0, 0, (otherwise), (names), offsetof(record, member), help }
#define OUT(name, type, flags, help) \
  { name, FIELD_##type, (flags), 0, INT64_MAX, FIELD_NULL, NULL, 0, help }
#define OUT_ENUM(name, flags, names, help) \
  { name, FIELD_ENUM, (flags), 0, 0, FIELD_NULL, (names), 0, help }

enum route_flag {
  ROUTE_WRITE = 1,     /* changes something: critical jobs need admin, sessions need the CSRF token */
  ROUTE_JOB = 2,       /* the first :argument names a job; it is loaded and checked before the handler */
  ROUTE_RUN = 4,       /* the first :argument is an execution; loaded with its job and checked */
  ROUTE_CRON = 8,      /* CRON_SECRET opens it */
  ROUTE_NO_CSRF = 16,  /* begins a session, so there is no token yet; the Origin is checked all the same */
  ROUTE_KEYED = 32,    /* takes an Idempotency-Key */
  ROUTE_RUNS = 64,     /* starts runs: a rate of its own */
  ROUTE_LOGIN = 128,   /* proves who somebody is: a rate of its own */
  ROUTE_EARLY = 256,   /* answered before the identities are loaded */
  ROUTE_STREAM = 512,  /* server-sent events */
  ROUTE_TEXT = 1024,   /* answers text, not JSON */
  ROUTE_WORLD = 2048,  /* about worlds: who may is decided in worlds/rights.h; ?override=1 for admins */
  ROUTE_SIGNED = 4096, /* opened by a signed link alone; its input is in the URL, whatever the method */
  ROUTE_RAW = 8192,    /* the body is no JSON */
  ROUTE_PAGE = 16384   /* of the web UI: whoever asks and whatever follows the '?', it is the same */
};

typedef void route_handler(struct call *c);

struct route {
  enum http_method method;
  const char *path; /* segments; ":name" takes any one segment */
  enum role role;   /* least; ROLE_NONE = open to everyone */
  unsigned flags;
  const struct shape *input; /* the query of GET and DELETE, the JSON body of the others; NULL = takes none */
  const struct shape *answer; /* NULL = no JSON */
  int status;                 /* of a good answer */
  route_handler *handler;
  const char *summary;
};

extern const struct route routes[];
extern const size_t route_count;

#define ROUTE_ARGS_MAX 2

/* The route of a request. HEAD finds GET's. NULL: no such path (*ret_allowed 0) or not this method (*ret_allowed
 * has a bit per method that is). Arguments are borrowed from path. */
const struct route *route_find(enum http_method method, struct str path, struct str ret_args[ROUTE_ARGS_MAX],
                               unsigned *ret_allowed);
/* "GET, HEAD, POST" */
void route_allow_text(unsigned allowed, struct buf *out);
/* The whole OpenAPI 3.1 document; base: "" or the path of a proxy before all paths. */
void openapi_write(struct json_writer *w, const char *base);
