/* Live states for tests, one of each kind, with short forms of the calls. Time is the test's own. */
#pragma once
#include "live/live.h"
#include "tests/support/check.h"

#define NOW 1763726400000LL /* 2025-11-21T12:00:00Z */

struct live_fixture {
  enum live_mode mode;
  char folder[64]; /* of its own, removed at the end */
  struct live_config config;
  struct live *live;
  struct arena arena;
  struct redis_fixture *redis; /* NULL: none */
  struct upstash_fixture *upstash;
};

void live_fixture_open(struct live_fixture *f, enum live_mode mode);
void live_fixture_close(struct live_fixture *f);
void live_fixture_servers_stop(void); /* at the program's end: Redis and Upstash live that long */
void live_fixture_reopen(struct live_fixture *f, const char *owner); /* as after a restart */
/* One more handle on the same state. */
struct live *live_fixture_handle(struct live_fixture *f, const char *owner);

/* Everything below must succeed, but what a mark or a write answers. */
void live_make(struct live_fixture *f, const char *id);                      /* loaded, clean, version 0 */
int64_t live_say(struct live_fixture *f, const char *id, const char *bytes); /* one journal entry; its turn */
void live_set(struct live_fixture *f, const char *id, const char *name,
              struct str bytes);                                           /* a field of core */
struct live_world live_get(struct live_fixture *f, const char *id);        /* everything of it */
int64_t live_hold(struct live_fixture *f, const char *id, int64_t now_ms); /* the lock's token; 0 */
bool live_mark_saved(struct live_fixture *f, const char *id, int64_t version, int64_t turn);
bool live_drop(struct live_fixture *f, const char *id, int64_t version, int64_t token); /* clear */
struct live_status live_figures(struct live_fixture *f);
/* A field of core; STR_NONE. */
struct str live_core(const struct live_world *w, const char *name);
