/* The figures of the navigation: jobs, runs going on, alerts nobody has taken notice of, worlds. Streams of the topic
 * "counters" are told them when they begin and when one has changed, at most twice a second. A figure is asked for only
 * after something has happened that may have changed it, and only while somebody listens: an idle server does nothing.
 *
 * Who may not see a figure is not told it: the worlds are for operators (as GET /api/worlds/status). */
#pragma once
#include "api/call.h"

#define COUNTERS_EVERY_MS 500
#define COUNTERS_WORLDS_EVERY_MS 5000 /* counting them is a walk over the worlds' table */

enum counters_figure {
  COUNTERS_RUNNING = 1,
  COUNTERS_JOBS = 2, /* and their alerts */
  COUNTERS_WORLDS = 4,
  COUNTERS_ALL = 7
};

struct counters;
enum err counters_new(struct api *a, struct counters **ret);
void counters_free(struct counters *c); /* NULL-safe */

/* These may have changed; what the engine tells is heard here anyway. NULL-safe: while the api is built and taken down. */
void counters_touch(struct counters *c, unsigned figures);
/* A listener comes (1) or goes (-1). */
void counters_listen(struct counters *c, bool is_operator, int delta);
/* The event as this role may see it, "" while nothing is known; borrowed until the next turn. */
struct str counters_event(const struct counters *c, bool is_operator);
