/* Worlds in a folder of their own (SQLite, or a PostgreSQL started for the test; embedded live state) and the ladder's
 * jobs run in this process. */
#pragma once
#include "warden/child.h"
#include "worlds/facts.h"

#define FIX_HOUR INT64_C(3600000)
#define FIX_DAY (24 * FIX_HOUR)
#define FIX_NOW INT64_C(1800000000000)

extern bool ladder_on_postgres; /* of fixtures opened from now on */

struct ladder_fixture {
  char folder[64];
  char url[256]; /* PostgreSQL; "" = SQLite */
  struct worlds_config config;
  struct worlds *worlds;
  struct lane lane;
  int64_t now_ms;
  int notices; /* "World auto-paused" */
  json_t *last_notice;
};
void ladder_fixture_open(struct ladder_fixture *f);
void ladder_fixture_close(struct ladder_fixture *f);
/* SQL as printf, for setting up. */
[[gnu::format(printf, 2, 3)]] void ladder_sql(struct ladder_fixture *f, const char *format, ...);
/* A running world idle this long. */
void ladder_world(struct ladder_fixture *f, const char *id, int64_t idle_ms);
/* A paused one, as the ladder left it; reason: enum pause_reason. */
void ladder_paused(struct ladder_fixture *f, const char *id, int64_t idle_ms, int64_t reason);
/* Its row now; texts live until the next of these calls. ERR_NOT_FOUND when it is gone. */
enum err ladder_row(struct ladder_fixture *f, const char *id, struct world_row *ret);
/* A job, as its executor runs it; its result is the caller's. */
json_t *ladder_job(struct ladder_fixture *f, const char *name, json_t *params, int *ret_code);
/* A call; fails the test unless it succeeds. The answer is the caller's. */
json_t *ladder_call(struct ladder_fixture *f, const char *call, const char *id, json_t *args);
enum err ladder_try(struct ladder_fixture *f, const char *call, const char *id, json_t *args,
                    struct str payload, struct world_reply *ret);
/* A number at a path "stats.totalPaused". */
double ladder_number(const json_t *object, const char *path);
