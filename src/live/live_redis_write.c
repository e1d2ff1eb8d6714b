/* What changes worlds in Redis: the scripts' arguments and answers. */
#include "live/live_redis.h"

static enum err of_answer(int64_t code) { /* of refusal() in prelude.lua, and write.lua's own */
  static const enum err errors[] = {ERR_OK, ERR_NOT_FOUND, ERR_BUSY, ERR_CONFLICT, ERR_PRECONDITION};
  return code >= 0 && code < 5 ? errors[code] : ERR_IO;
}

static void add_fields(struct redis_batch *b, const struct live_field *fields, size_t count) {
  for (size_t i = 0; i < count; i++) redis_arg(b, fields[i].name), redis_blob(b, fields[i].bytes);
}

/* ---- load ---- */

static void add_events(struct redis_batch *b, const struct live_entry *events, size_t count) {
  for (size_t i = 0; i < count; i++) redis_int(b, events[i].at_ms), redis_blob(b, events[i].bytes);
}

enum err live_redis_load(struct live *live, const struct live_world *w, int64_t token, int64_t now_ms,
                         struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  struct redis_batch *b = &c.batch;
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  redis_call_script(&c, SCRIPT_LOAD);
  redis_arg(b, w->id);
  int64_t numbers[] = {token,
                       now_ms,
                       w->version,
                       w->turn,
                       w->ticks,
                       live_keep_instant(w->active_ms),
                       (int64_t)w->core_count,
                       (int64_t)w->session_count,
                       w->replaces,
                       (int64_t)w->event_count};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) redis_int(b, numbers[i]);
  add_fields(b, w->core, w->core_count);
  add_fields(b, w->session, w->session_count);
  add_events(b, w->events, w->event_count);
  TRY(redis_call_run(&c, NULL, detail));
  TRY(redis_call_errors(&c, detail));
  const struct redis_value *v = &c.answers[0];
  int64_t code = v->count > 0 ? redis_number(&v->items[0], -1) : -1;
  if (v->count == 2) redis_call_seen(&c, &v->items[1]);
  if (code == 1) return err_set(detail, ERR_CONFLICT, "worldId", 0, "the world is live already");
  if (code != 0) return err_set(detail, ERR_BUSY, "worldId", 0, "the world's lock is held by somebody else");
  return ERR_OK;
}

/* ---- write ---- */

static void ask_write(struct redis_call *c, const struct live_append *w, int64_t now_ms) {
  struct redis_batch *b = &c->batch;
  struct live_counter counters[LIVE_COUNTERS];
  int64_t counter_count = 0;
  live_counters(w, counters);
  for (int i = 0; i < LIVE_COUNTERS; i++) counter_count += counters[i].add != 0;
  redis_call_script(c, SCRIPT_WRITE);
  redis_arg(b, w->id);
  int64_t numbers[] = {w->token,
                       now_ms > 0 ? now_ms : 1,
                       live_keep_instant(w->active_ms),
                       w->ticks,
                       (int64_t)w->journal_count,
                       (int64_t)w->history_count,
                       LIVE_HISTORY_MAX,
                       (int64_t)w->event_count,
                       (int64_t)w->core_count,
                       (int64_t)w->session_count,
                       counter_count,
                       w->is_checked,
                       w->even_if_full};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) redis_int(b, numbers[i]);
  for (size_t i = 0; i < w->journal_count; i++)
    redis_int(b, w->journal[i].at_ms), redis_blob(b, w->journal[i].bytes);
  for (size_t i = 0; i < w->history_count; i++) redis_blob(b, w->history[i].bytes);
  add_events(b, w->events, w->event_count);
  add_fields(b, w->core, w->core_count);
  add_fields(b, w->session, w->session_count);
  for (int i = 0; i < LIVE_COUNTERS; i++)
    if (counters[i].add != 0) redis_text(b, counters[i].field), redis_int(b, counters[i].add);
}

static void take_write(const struct redis_call *c, const struct redis_value *v, struct live_append *w,
                       struct err_detail *detail) {
  if (v->type == REDIS_ERROR) {
    w->error = redis_error(c->l->transport, v->s, detail);
    return;
  }
  w->error = v->count > 0 ? of_answer(redis_number(&v->items[0], -1)) : ERR_IO;
  if (w->error != ERR_OK || v->count != 3) return;
  w->first_turn = redis_number(&v->items[1], 0);
  w->version = redis_number(&v->items[2], 0);
}

/* Not repeatable: an append that was done must not be done again. */
enum err live_redis_write(struct live *live, struct live_append *writes, size_t count, int64_t now_ms,
                          struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, false));
  for (size_t i = 0; i < count; i++)
    if (writes[i].error == ERR_OK) ask_write(&c, &writes[i], now_ms);
  if (c.batch.count == 0) return c.batch.error;
  TRY(redis_call_run(&c, NULL, detail));
  for (size_t i = 0, at = 0; i < count; i++)
    if (writes[i].error == ERR_OK) take_write(&c, &c.answers[at++], &writes[i], detail);
  return ERR_OK;
}

/* ---- saved, clear ---- */

static enum err run_marks(struct redis_call *c, struct live_mark *marks, size_t count,
                          struct err_detail *detail) {
  TRY(redis_call_run(c, NULL, detail));
  TRY(redis_call_errors(c, detail));
  for (size_t i = 0; i < count; i++) {
    const struct redis_value *v = &c->answers[i / REDIS_PER_SCRIPT];
    size_t at = i % REDIS_PER_SCRIPT * 2;
    if (at + 1 >= v->count)
      return err_set(detail, ERR_IO, "live", 0, "%s: a short answer", c->l->transport->where);
    marks[i].is_done = redis_number(&v->items[at], 0) == 1;
    marks[i].freed_bytes = redis_number(&v->items[at + 1], 0);
    if (!c->l->is_measured && marks[i].freed_bytes > 0) marks[i].freed_bytes = -1;
  }
  return ERR_OK;
}

enum err live_redis_saved(struct live *live, struct live_mark *marks, size_t count,
                          struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) redis_call_script(&c, SCRIPT_SAVED);
    redis_arg(&c.batch, marks[i].id), redis_int(&c.batch, marks[i].version),
        redis_int(&c.batch, marks[i].turn);
    redis_int(&c.batch, marks[i].read_ms);
  }
  return run_marks(&c, marks, count, detail);
}

static void ask_clear(struct redis_call *c, int64_t now_ms) {
  redis_call_script(c, SCRIPT_CLEAR);
  redis_int(&c->batch, now_ms), redis_int(&c->batch, (int64_t)c->l->extra_count);
  for (size_t i = 0; i < c->l->extra_count; i++) redis_arg(&c->batch, c->l->extras[i]);
}

enum err live_redis_clear(struct live *live, struct live_mark *marks, size_t count, int64_t now_ms,
                          struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) ask_clear(&c, now_ms);
    redis_arg(&c.batch, marks[i].id), redis_int(&c.batch, marks[i].version),
        redis_int(&c.batch, marks[i].token);
  }
  TRY(run_marks(&c, marks, count, detail));
  for (size_t i = 0; i < c.batch.count; i++) redis_call_seen(&c, &c.answers[i].items[c.answers[i].count - 1]);
  return ERR_OK;
}

/* ---- events ---- */

enum err live_redis_expire_events(struct live *live, const struct str *ids, size_t count, int64_t before_ms,
                                  int64_t *ret_removed, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) redis_call_script(&c, SCRIPT_EXPIRE), redis_int(&c.batch, before_ms);
    redis_arg(&c.batch, ids[i]);
  }
  TRY(redis_call_run(&c, NULL, detail));
  TRY(redis_call_errors(&c, detail));
  for (size_t i = 0; i < c.batch.count; i++) *ret_removed += redis_number(&c.answers[i], 0);
  return ERR_OK;
}
