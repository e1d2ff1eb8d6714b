/* The address of a PostgreSQL server as applications write it, made fit for libpq: DATABASE_URL of a Prisma application
 * has parameters that only Prisma knows (schema, connection_limit, pgbouncer …), which libpq refuses. Pure. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define PG_URL_MAX 2048
#define PG_SCHEMA_MAX 64

struct pg_address {
  char url[PG_URL_MAX];       /* for libpq: a URL, or keywords ("host=… dbname=…") as they were given */
  char schema[PG_SCHEMA_MAX]; /* of `schema=`; "" = the role's search path */
};
/* ERR_INVALID when it is neither a URL of PostgreSQL nor keywords, is too long, or its schema is no plain name. Details
 * never repeat the address: it holds a password. */
enum err pg_address_from(struct str url, struct pg_address *ret, struct err_detail *detail);
