/* Many worlds at once, with what the ladder has to know of them besides their rows. */
#pragma once
#include "worlds/policy.h"
#include "worlds/worlds.h"

struct world_case {
  struct world_row
      row; /* without the application's own columns: story, interactions, createdAt … are not read */
  struct world_facts facts; /* facts.row points to row */
};
struct world_cases {
  struct arena *arena;     /* of texts and of the list */
  struct world_case *list; /* room for max */
  size_t count, max;
};
/* Room for so many. */
enum err world_cases_new(struct arena *arena, size_t max, struct world_cases *ret);
/* Runs a statement whose columns are CASE_COLUMNS of sql_pause.def, at most max rows. */
enum err world_cases_read(struct lane *l, size_t statement, const struct sql_value *args, size_t count,
                          struct world_cases *cases);
/* Of one world; ERR_NOT_FOUND names the id. Its row in ret; texts in l->arena. */
enum err world_case_get(struct lane *l, struct str id, int64_t now_ms, struct world_case *ret);
/* User activity that has not reached the database: only what came since the last save. */
int64_t world_live_activity(const struct live_world *w);
/* Reads live_active_ms of cases: one round trip of LIVE_META. snapshots may be NULL, else room for count. */
enum err world_cases_live(struct lane *l, struct world_case *cases, size_t count, struct arena *arena,
                          struct live_world *snapshots);
/* Texts as one JSON list, for SQL. */
void world_ids_text(const struct str *ids, size_t count, struct buf *out);
/* The settings in force, with those of the request's `settings` instead where it has them. */
enum err world_settings_with(struct lane *l, const struct world_request *q, struct world_settings *ret);
