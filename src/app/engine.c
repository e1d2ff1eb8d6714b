#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "base/log.h"
#include "warden/spool.h"

#define OVERDUE_MS 10000 /* the scheduler is late by this much: not ready */
#define STEP_TRIES 10

struct ask { /* somebody waits for an answer */
  struct engine *engine;
  int64_t token;
  engine_fn *fn;
  engine_read_fn *read_fn;
  void *arg;
};

int64_t engine_now_ms(const struct engine *e) { return world_now_ms(e->world); }
int64_t engine_tick_ms(const struct engine *e) { return (int64_t)(e->world->tick(e->world).ns / 1000000); }

/* ---- asks ---- */

static struct ask *ask_new(struct engine *e, engine_fn *fn, void *arg) {
  struct ask *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  *a = (struct ask){.engine = e, .token = ++e->last_token, .fn = fn, .arg = arg};
  if (map_put(&e->asks, (uint64_t)a->token, a) != ERR_OK) {
    free(a);
    return NULL;
  }
  return a;
}

static void refuse(engine_fn *fn, void *arg, enum err error, const char *why) {
  struct engine_answer answer = {.error = error};
  (void)err_set(&answer.detail, error, "", 0, "%s", why);
  fn(arg, &answer);
}

static void answer_ask(struct engine *e, int64_t token, const struct engine_answer *answer) {
  struct ask *a = map_remove(&e->asks, (uint64_t)token);
  if (!a) return;
  if (a->fn) a->fn(a->arg, answer);
  free(a);
}

/* ---- the core's actions ---- */

static void on_change_done(struct change *c) {
  struct engine *e = c->owner;
  e->changes_out--;
  if (c->kind == CHANGE_CLAIM &&
      c->error == ERR_OK) { /* any claim may have taken over what SQL from outside did */
    if (c->claim.outside_count > 0 || c->at_ms >= e->news_ms)
      engine_publish_outside(e, c->claim.outside, c->claim.outside_count);
    if (c->at_ms >= e->news_ms) e->news_ms = INSTANT_NEVER;
  }
  if (c->kind == CHANGE_CLAIM && c->error == ERR_OK && c->claim.settings) { /* SQL from outside */
    settings_unref(e->settings);
    e->settings = settings_ref(c->claim.settings);
    engine_publish_status(e);
  }
  engine_step(e, &(struct sched_event){.kind = SCHED_ANSWERED, .change = c});
}

void engine_submit(struct engine *e, struct change *c) {
  c->owner = e;
  c->epoch = e->boot.epoch;
  if (!c->done) c->done = on_change_done;
  e->changes_out++;
  store_submit(e->store, c);
}

static void after_edit(struct engine *e, const struct change *c) {
  switch (c->kind) {
    case CHANGE_SETTINGS:
      settings_unref(e->settings);
      e->settings = settings_ref(c->settings.saved ? c->settings.saved : c->settings.settings);
      engine_publish_status(e);
      engine_publish_job(e, 0, NULL, "settings");
      break;
    case CHANGE_JOB_SAVE:
      if (c->job.saved && !job_is_test(c->job.saved))
        engine_publish_job(e, c->job.saved->no, c->job.saved, "saved");
      break;
    case CHANGE_JOB_DELETE: engine_publish_job(e, c->job.job_no, c->job.job, "deleted"); break;
    case CHANGE_GATE:
      engine_publish_status(e);
      engine_publish_job(e, c->gate.scope == GATE_SCOPE_JOB ? c->gate.job_no : 0, c->gate.job, "gate");
      break;
    default: break;
  }
}

/* Answers come last: whoever gets one may ask again at once, which is another step. */
static void give_answer(struct engine *e, struct sched_action *action) {
  if (action->change && action->error == ERR_OK) after_edit(e, action->change);
  struct engine_answer answer = {action->error, action->detail, action->run_no, action->change};
  answer_ask(e, action->token, &answer);
  change_free(action->change);
}

static void perform(struct engine *e, const struct sched_action *a) {
  switch (a->kind) {
    case SCHED_DO_CHANGE: engine_submit(e, a->change); break;
    case SCHED_DO_START: engine_do_start(e, &a->start); break;
    case SCHED_DO_KILL: engine_do_kill(e, a->run_no, a->reason); break;
    case SCHED_DO_ACK: engine_do_ack(e, a->run_no); break;
    case SCHED_DO_NOTE: engine_note(e, &a->note); break;
    case SCHED_DO_ANSWER: break;
  }
}

static struct sched_action *copy_answers(const struct sched_actions *actions, size_t *ret_count) {
  size_t count = 0;
  for (size_t i = 0; i < actions->count; i++) count += actions->items[i].kind == SCHED_DO_ANSWER;
  *ret_count = count;
  if (!count) return NULL;
  struct sched_action *answers = calloc(count, sizeof *answers);
  ASSERT(answers); /* as in a step: the process ends and recovery takes over */
  for (size_t i = 0, n = 0; i < actions->count; i++)
    if (actions->items[i].kind == SCHED_DO_ANSWER) answers[n++] = actions->items[i];
  return answers;
}

/* One event of the core and all it asks for. A step that gets no memory, time and again, ends the process:
 * an answer of the store must not be lost, and recovery at the next start is exact. */
void engine_step(struct engine *e, const struct sched_event *event) {
  ASSERT(!e->is_performing);
  struct sched_actions actions = {};
  enum err error = ERR_NO_MEMORY;
  for (int i = 0; i < STEP_TRIES && error == ERR_NO_MEMORY; i++)
    error = sched_step(e->sched, event, engine_now_ms(e), &actions);
  ASSERT(error == ERR_OK);
  e->last_turn_ms = engine_now_ms(e);
  e->is_performing = true;
  for (size_t i = 0; i < actions.count; i++) perform(e, &actions.items[i]);
  size_t count = 0;
  struct sched_action *answers = copy_answers(&actions, &count);
  e->is_performing = false;
  for (size_t i = 0; i < count; i++) give_answer(e, &answers[i]);
  free(answers);
  engine_arm(e);
  engine_care_after_step(e);
  engine_wind_on(e);
}

void engine_arm(struct engine *e) {
  int64_t wake_ms = sched_wake_ms(e->sched);
  if (!e->alarm || wake_ms == e->armed_ms) return;
  e->armed_ms = wake_ms;
  loop_wall_arm(e->alarm, wake_ms);
}

/* ---- what api/ asks for ---- */

static bool is_able(struct engine *e, engine_fn *fn, void *arg) {
  if (e->is_ready && !e->is_stopping) return true;
  refuse(fn, arg, ERR_UNAVAILABLE,
         e->is_stopping     ? "the server is stopping"
         : e->warden_why[0] ? e->warden_why
                            : "the server is starting");
  return false;
}

void engine_run(struct engine *e, const struct sched_request *request, engine_fn *fn, void *arg) {
  if (!is_able(e, fn, arg)) return;
  struct ask *a = ask_new(e, fn, arg);
  if (!a) return refuse(fn, arg, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
  struct sched_request own = *request;
  own.token = a->token;
  engine_step(e, &(struct sched_event){.kind = SCHED_RUN, .request = &own});
}

struct seek {
  int64_t run_no;
  bool is_found;
};

static bool seek_run(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job, (void)queue_place;
  struct seek *s = arg;
  s->is_found = run->no == s->run_no;
  return !s->is_found;
}

void engine_cancel(struct engine *e, int64_t run_no, const char *by, engine_fn *fn, void *arg) {
  if (!is_able(e, fn, arg)) return;
  struct seek s = {.run_no = run_no};
  sched_each_run(e->sched, seek_run, &s);
  if (!s.is_found) return refuse(fn, arg, ERR_CONFLICT, "the run has ended already");
  engine_step(e, &(struct sched_event){.kind = SCHED_CANCEL, .run_no = run_no, .text = by});
  fn(arg, &(struct engine_answer){.run_no = run_no});
}

void engine_edit(struct engine *e, struct change *change, engine_fn *fn, void *arg) {
  if (!e->is_ready || e->is_stopping) {
    change_free(change);
    (void)is_able(e, fn, arg);
    return;
  }
  struct ask *a = ask_new(e, fn, arg);
  if (!a) {
    change_free(change);
    return refuse(fn, arg, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
  }
  change->token = a->token;
  change->epoch = e->boot.epoch;
  change->owner = e;
  change->done = on_change_done;
  engine_step(e, &(struct sched_event){.kind = SCHED_EDIT, .change = change});
}

static void on_written(struct change *c) {
  struct engine *e = c->owner;
  e->changes_out--;
  struct engine_answer answer = {.error = c->error, .detail = c->detail, .change = c};
  answer_ask(e, c->token, &answer);
  change_free(c);
  engine_wind_on(e);
}

void engine_write(struct engine *e, struct change *change, engine_fn *fn, void *arg) {
  struct ask *a = ask_new(e, fn, arg);
  if (!a) {
    change_free(change);
    return refuse(fn, arg, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
  }
  change->token = a->token;
  change->done = on_written;
  engine_submit(e, change);
}

static void on_read_done(struct store_read *read) {
  struct ask *a = read->owner;
  (void)map_remove(&a->engine->asks, (uint64_t)a->token);
  a->read_fn(a->arg, read);
  free(a);
  store_read_free(read);
}

void engine_read(struct engine *e, struct store_read *read, engine_read_fn *fn, void *arg) {
  struct ask *a = ask_new(e, NULL, arg);
  if (!a) {
    read->error = ERR_NO_MEMORY;
    fn(arg, read);
    store_read_free(read);
    return;
  }
  a->read_fn = fn;
  read->owner = a;
  read->done = on_read_done;
  store_submit_read(e->store, read);
}

/* ---- looking in ---- */

struct sched_status engine_status(const struct engine *e) {
  return sched_status(e->sched);
}

void engine_each_run(const struct engine *e,
                     bool (*fn)(void *arg, const struct run *run, const struct job *job, size_t queue_place),
                     void *arg) {
  sched_each_run(e->sched, fn, arg);
}

struct settings *engine_settings(const struct engine *e) {
  return e->settings;
}
bool engine_is_process_off(const struct engine *e) { return e->is_process_off; }
bool engine_is_test_clock(const struct engine *e) { return e->is_test_clock; }
struct loop *engine_loop(struct engine *e) {
  return e->loop;
}
struct work *engine_work(struct engine *e) {
  return e->work;
}
struct world *engine_world(struct engine *e) {
  return e->world;
}
struct tzdb *engine_tzdb(struct engine *e) {
  return e->tzdb;
}
const char *engine_folder(const struct engine *e) { return e->folder; }
int64_t engine_epoch(const struct engine *e) { return e->boot.epoch; }
const char *engine_config_get(const struct engine *e, const char *key) { return config_get(e->config, key); }

/* The value of one field as JSON: {"name":VALUE} without its frame. */
static struct str setting_json(const struct field *f, const struct settings *settings, struct buf *out) {
  struct json_writer w = jw_new(out);
  buf_clear(out);
  jw_object(&w);
  fields_to_json(f, 1, settings, &w);
  jw_object_end(&w);
  size_t frame = strlen(f->name) + 4;
  return out->len > frame + 1 ? (struct str){out->ptr + frame, out->len - frame - 1} : STR("null");
}

static void write_setting(const struct field *f, const struct settings *now, const struct settings *fresh,
                          struct json_writer *w) {
  BUF_AUTO struct buf value = buf_new(LIMIT_PARAMS_BYTES);
  BUF_AUTO struct buf otherwise = buf_new(LIMIT_PARAMS_BYTES);
  struct str json = setting_json(f, now, &value);
  bool is_default = str_eq(json, setting_json(f, fresh, &otherwise));
  char key[ERR_FIELD_MAX];
  snprintf(key, sizeof key, "settings.%s", f->name);
  jw_object(w);
  jw_ktext(w, "key", key);
  jw_key(w, "value");
  jw_raw(w, json);
  jw_ktext(w, "origin", config_origin_text(is_default ? CONFIG_FROM_DEFAULT : CONFIG_FROM_DATABASE));
  jw_ktext(w, "source", NULL);
  jw_ktext(w, "environment", NULL);
  jw_ktext(w, "help", f->help);
  jw_key(w, "default");
  jw_raw(w, setting_json(f, fresh, &otherwise));
  jw_kbool(w, "needsRestart", false);
  jw_object_end(w);
}

void engine_config_json(const struct engine *e, struct json_writer *w) {
  struct settings fresh;
  settings_init(&fresh);
  jw_array(w);
  config_write_json(e->config, w);
  for (size_t i = 0; i < settings_field_count; i++)
    if (!(settings_fields[i].flags & FIELD_READ_ONLY))
      write_setting(&settings_fields[i], e->settings, &fresh, w);
  jw_array_end(w);
}

bool engine_spool_path(struct engine *e, int64_t run_no, char *ret, size_t size) {
  int n = snprintf(ret, size, "%s/spool/%s", e->folder, spool_name(run_no).text);
  return n > 0 && (size_t)n < size && access(ret, R_OK) == 0;
}

struct engine_health engine_health(const struct engine *e) {
  struct engine_health h = {.last_turn_ms = e->last_turn_ms, .is_store_ok = !e->is_store_down};
  int64_t now_ms = engine_now_ms(e), wake_ms = sched_wake_ms(e->sched);
  h.is_warden_ok = e->is_warden_up && !e->is_warden_draining;
  h.is_clock_ok = now_ms >= e->clock_wrong_until_ms;
  bool is_late = !e->is_test_clock && wake_ms != INSTANT_NEVER && wake_ms < now_ms - OVERDUE_MS;
  h.is_ready = e->is_ready && !e->is_stopping && h.is_store_ok && h.is_warden_ok && !is_late;
  const char *why = "";
  if (!h.is_store_ok) why = "the store cannot be written";
  else if (e->is_warden_draining)
    why = "the warden was told to end and takes no new runs until its last has ended";
  else if (!h.is_warden_ok) why = e->warden_why[0] ? e->warden_why : "the warden does not answer";
  else if (e->is_stopping) why = "the server is stopping";
  else if (!e->is_ready) why = "the server is starting";
  else if (is_late) why = "the scheduler is late by more than 10 s";
  else if (!h.is_clock_ok)
    why = "the clock jumped forward by more than a day; nothing is caught up for ten minutes";
  snprintf(h.why, sizeof h.why, "%s", why);
  return h;
}

bool engine_is_settled(const struct engine *e, size_t *ret_running) {
  size_t running = 0, sent = 0, ending = 0;
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);) {
    const struct live_run *live = entry.value;
    running += live->state == LIVE_STARTED;
    sent += live->state == LIVE_SENT || live->state == LIVE_UNSENT;
    ending += live->state == LIVE_ENDED;
  }
  *ret_running = running;
  size_t asked = engine_worlds_out(e) - e->worlds.is_probing; /* the probe goes by real time */
  if (e->is_store_down) ending = 0;                           /* their rows are tried again as time passes */
  return e->changes_out == 0 && e->work_out == 0 && asked == 0 && sent == 0 && ending == 0 && e->is_ready;
}

void engine_stop(struct engine *e) {
  if (e->on_stop) e->on_stop(e->on_stop_arg);
}
