/* A real PostgreSQL for a test executable, started with its first use by tests/support/pg.sh and ended with it, also when
 * it crashes. Each test gets a schema of its own. */
#pragma once
#include <stdbool.h>

#define PG_FIXTURE_URL_MAX 256

/* A fresh schema; its URL has ?schema=…. */
void pg_fixture_schema(char ret_url[PG_FIXTURE_URL_MAX]);
/* Ends other sessions there and drops it. */
void pg_fixture_drop(const char *url);
/* SQL from outside, as psql would do it, in the schema of this URL: must succeed; the first value of the first row is
 * kept until the next call ("" = none). */
const char *pg_fixture_sql(const char *url, const char *sql);
/* SIGKILL for the server and its backends; it is back, recovered, when pg_fixture_revive returns. */
void pg_fixture_kill(void);
void pg_fixture_revive(void);
