#include "api/counters.h"

#include <stdlib.h>

#include "api/alerts.h"
#include "api/stream.h"
#include "worlds/worlds.h"

#define EVENT_BYTES_MAX 256

struct figures {
  int64_t jobs, running, alerts, worlds; /* FIELD_NULL: not known */
};

struct counters {
  struct api *api;
  struct loop_timer *timer;
  struct engine_subscription *subscription;
  size_t listeners, operators;
  unsigned touched, round; /* for the next round; of this one, not asked for yet */
  unsigned owed;           /* could not be found: again with the next event */
  bool is_asking;          /* a round is under way */
  bool is_known;           /* told since somebody listens */
  struct figures now, told;
  struct tick looked_at, worlds_at;
  struct buf events[2]; /* for everyone, for operators */
};

static int64_t since_ms(const struct counters *c, struct tick then) {
  return tick_diff_ms(world_tick(c->api->world), then);
}

/* ---- telling ---- */

static void write_event(struct buf *out, const struct figures *f, bool with_worlds) {
  struct json_writer w = jw_new(out);
  buf_clear(out);
  buf_add_text(out, "event: counters\ndata: ");
  jw_object(&w);
  jw_kint(&w, "jobs", f->jobs);
  jw_kint(&w, "running", f->running);
  jw_kint(&w, "alerts", f->alerts);
  if (with_worlds && f->worlds != FIELD_NULL) jw_kint(&w, "worlds", f->worlds);
  jw_object_end(&w);
  buf_add_text(out, "\n\n");
}

static bool are_same(const struct figures *a, const struct figures *b) {
  return a->jobs == b->jobs && a->running == b->running && a->alerts == b->alerts && a->worlds == b->worlds;
}

static void tell(struct counters *c) {
  c->now.running = (int64_t)engine_status(c->api->engine).running;
  bool is_whole = c->now.jobs != FIELD_NULL && c->now.alerts != FIELD_NULL;
  if (!is_whole || (c->is_known && are_same(&c->now, &c->told))) return;
  c->told = c->now;
  c->is_known = true;
  for (int i = 0; i < 2; i++) write_event(&c->events[i], &c->told, i == 1);
  streams_tell_counters(c->api->streams);
}

/* ---- asking: a round takes what has been touched, one question after the other, and tells what came of it ---- */

static void go_on(struct counters *c);

static void on_worlds(void *arg, const struct world_reply *reply) {
  struct counters *c = arg;
  if (reply->error == ERR_OK) c->now.worlds = json_int_at(reply->body, "total", FIELD_NULL);
  go_on(c);
}

static void ask_worlds(struct counters *c) {
  const struct engine_world_ask ask = {
      .call = world_call_find(STR("worlds.stats")), .actor_kind = ACTOR_SYSTEM, .actor = STR("counters")};
  c->round &= ~(unsigned)COUNTERS_WORLDS;
  c->worlds_at = world_tick(c->api->world);
  engine_world_call(c->api->engine, &ask, on_worlds, c);
}

static void on_alerts(void *arg, enum err e, const struct err_detail *detail) {
  struct counters *c = arg;
  (void)detail;
  if (e == ERR_OK) {
    c->now.alerts = alerts_open(c->api->alerts);
    c->now.jobs = alerts_jobs(c->api->alerts);
  } else {
    c->owed |= COUNTERS_JOBS;
  }
  go_on(c);
}

static void ask_alerts(struct counters *c) {
  c->round &= ~(unsigned)COUNTERS_JOBS;
  alerts_look(c->api, on_alerts, c);
}

static int64_t wait_ms(const struct counters *c, struct tick last, int64_t every_ms) {
  return last.ns ? every_ms - since_ms(c, last) : 0;
}

static void arm(struct counters *c) {
  int64_t after_ms = wait_ms(c, c->looked_at, COUNTERS_EVERY_MS);
  int64_t worlds_ms = wait_ms(c, c->worlds_at, COUNTERS_WORLDS_EVERY_MS);
  if (c->touched == COUNTERS_WORLDS && worlds_ms > after_ms) after_ms = worlds_ms;
  loop_timer_arm_ms(c->timer, after_ms > 0 ? after_ms : 0);
}

static void go_on(struct counters *c) {
  if (c->round & COUNTERS_JOBS) {
    ask_alerts(c);
  } else if (c->round & COUNTERS_WORLDS) {
    ask_worlds(c);
  } else {
    c->is_asking = false;
    if (c->listeners) tell(c);
    if (c->touched) arm(c);
  }
}

static void on_timer(void *arg) {
  struct counters *c = arg;
  if (c->is_asking) return;
  bool is_early = wait_ms(c, c->worlds_at, COUNTERS_WORLDS_EVERY_MS) > 0;
  unsigned later = c->operators == 0 || is_early ? COUNTERS_WORLDS : 0;
  c->round = c->touched & ~later;
  c->touched &= c->operators ? later : 0;
  c->looked_at = world_tick(c->api->world);
  c->is_asking = true;
  go_on(c);
}

void counters_touch(struct counters *c, unsigned figures) {
  if (!c || c->listeners == 0) return;
  c->touched |= figures | c->owed;
  c->owed = 0;
  if (!c->is_asking) arm(c);
}

static void on_event(void *arg, enum engine_topic topic, int64_t seq, struct str json) {
  struct counters *c = arg;
  (void)seq;
  switch (topic) {
    case ENGINE_TOPIC_RUNS:
      if (str_starts(json, STR("{\"type\":\"run\""))) counters_touch(c, COUNTERS_RUNNING);
      return;
    case ENGINE_TOPIC_JOBS:
      if (str_starts(json, STR("{\"type\":\"job\""))) alerts_changed(c->api);
      return;
    case ENGINE_TOPIC_STATUS: counters_touch(c, COUNTERS_ALL); return;
    case ENGINE_TOPIC_WORLDS: counters_touch(c, COUNTERS_JOBS | COUNTERS_WORLDS); return;
    case ENGINE_TOPIC_LOGS:
    case ENGINE_TOPIC_OUTPUT:
    case ENGINE_TOPIC_COUNT: return;
  }
}

static void rest(struct counters *c) {
  loop_timer_arm_ms(c->timer, -1);
  c->touched = c->owed = 0;
  c->is_known = false;
  c->looked_at = c->worlds_at = (struct tick){};
  c->now.jobs = c->now.alerts = c->now.worlds = FIELD_NULL;
}

void counters_listen(struct counters *c, bool is_operator, int delta) {
  if (!c) return;
  bool is_first = c->listeners == 0, is_first_operator = c->operators == 0 && is_operator;
  c->listeners += (size_t)delta;
  if (is_operator) c->operators += (size_t)delta;
  if (c->listeners == 0) rest(c);
  else if (is_first) counters_touch(c, COUNTERS_ALL);
  else if (is_first_operator) counters_touch(c, COUNTERS_WORLDS);
}

struct str counters_event(const struct counters *c, bool is_operator) {
  return c->is_known ? buf_str(&c->events[is_operator]) : STR("");
}

enum err counters_new(struct api *a, struct counters **ret) {
  struct counters *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  c->api = a;
  c->now = (struct figures){FIELD_NULL, 0, FIELD_NULL, FIELD_NULL};
  for (int i = 0; i < 2; i++) c->events[i] = buf_new(EVENT_BYTES_MAX);
  enum err e = loop_timer_new(engine_loop(a->engine), on_timer, c, &c->timer);
  if (e == ERR_OK) c->subscription = engine_subscribe(a->engine, on_event, c);
  if (!c->subscription) {
    loop_timer_free(c->timer);
    free(c);
    return e == ERR_OK ? ERR_NO_MEMORY : e;
  }
  *ret = c;
  return ERR_OK;
}

void counters_free(struct counters *c) {
  if (!c) return;
  engine_unsubscribe(c->subscription);
  loop_timer_free(c->timer);
  for (int i = 0; i < 2; i++) buf_free(&c->events[i]);
  free(c);
}
