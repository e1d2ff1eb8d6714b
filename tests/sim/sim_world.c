#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

/* ---- chance ---- */
uint64_t sim_random(struct sim *w) { return w->random = hash_int(w->random); }

int64_t sim_pick(struct sim *w, int64_t min, int64_t max) {
  return min + (int64_t)(sim_random(w) % (uint64_t)(max - min + 1));
}

bool sim_chance(struct sim *w, int percent) { return sim_pick(w, 0, 99) < percent; }

int64_t sim_wall(const struct sim *w) { return w->now + w->offset_ms; }

#define TWICE_MARGIN_MS (3 * LIMIT_CLAIM_HORIZON_MS) /* claims are ahead of the clock */

bool sim_is_lived_twice(const struct sim *w, int64_t due_ms) {
  return w->twice_from_ms != INSTANT_NEVER && due_ms >= w->twice_from_ms - TWICE_MARGIN_MS &&
         due_ms <= w->twice_to_ms + TWICE_MARGIN_MS;
}

void sim_say(struct sim *w, const char *format, ...) {
  if (!w->is_verbose) return;
  va_list args;
  va_start(args, format);
  printf("%8.3f %s  ", (double)(w->now) / 1000.0, instant_to_text(sim_wall(w)).text);
  vprintf(format, args);
  printf("\n");
  va_end(args);
}

void sim_fail(struct sim *w, const char *format, ...) {
  if (w->failure) return;
  va_list args;
  va_start(args, format);
  vsnprintf(w->failure_text, sizeof w->failure_text, format, args);
  va_end(args);
  w->failure = w->failure_text;
  sim_say(w, "FAILURE: %s", w->failure);
}

struct sim_event *sim_later(struct sim *w, enum sim_event_kind kind, int64_t delay_ms) {
  struct sim_event *e = calloc(1, sizeof *e);
  e->kind = kind;
  e->node.key = w->now + delay_ms;
  e->node.tie = ++w->event_no;
  e->generation = w->generation;
  if (heap_add(&w->events, &e->node)) abort();
  return e;
}

struct sim_event *sim_send(struct sim *w, enum sim_event_kind kind, int64_t *last) {
  int64_t at = w->now + sim_pick(w, 0, 3);
  if (at < *last) at = *last;
  *last = at;
  return sim_later(w, kind, at - w->now);
}

/* ---- the store's thread ---- */
void sim_submit(struct sim *w, struct change *c) {
  c->next = NULL;
  *w->queue_end = c;
  w->queue_end = &c->next;
  if (w->is_store_busy) return;
  w->is_store_busy = true;
  sim_later(w, SIM_EV_STORE, w->now < w->store_slow_until ? sim_pick(w, 50, 4000) : sim_pick(w, 0, 4));
}

#define BATCH_MAX 200

static void store_batch(struct sim *w) {
  struct change *batch[BATCH_MAX];
  size_t count = 0;
  for (; w->queue && count < BATCH_MAX; count++) {
    batch[count] = w->queue;
    w->queue = w->queue->next;
  }
  if (!w->queue) w->queue_end = &w->queue;
  bool is_failing = w->now < w->store_fails_until;
  enum err e = is_failing ? ERR_IO : w->store->ops->apply(w->store, batch, count);
  if (e && !is_failing) sim_fail(w, "the mem store failed: %s", err_text(e));
  for (size_t i = 0; i < count; i++) {
    if (is_failing) batch[i]->error = ERR_IO;
    if (is_failing) w->counters[SIM_STORE_FAILURE]++;
    const struct change *c = batch[i];
    if (w->is_verbose && c->kind >= CHANGE_QUEUE && c->kind <= CHANGE_SETTLE)
      sim_say(w, "change %d of job %lld due %s run %lld %s: %s", c->kind, (long long)c->run.job_no,
              c->run.due_ms == INSTANT_NONE ? "-" : instant_to_text(c->run.due_ms).text,
              (long long)c->run.run.no, run_status_text((enum run_status)c->run.run.status),
              err_text(c->error));
    if (c->error == ERR_OK) sim_note_applied(w, c);
    sim_send(w, SIM_EV_ANSWER, &w->last_answer)->change = batch[i];
  }
  w->is_store_busy = w->queue != NULL;
  if (w->is_store_busy) sim_later(w, SIM_EV_STORE, sim_pick(w, 0, 4));
}

/* ---- serve ---- */
void sim_send_to_warden(struct sim *w, enum sim_message message, int64_t run_no, enum reason reason) {
  if (!w->is_connected) return;
  struct sim_event *e = sim_send(w, SIM_EV_TO_WARDEN, &w->last_to_warden);
  e->generation = w->connection;
  e->run_no = run_no;
  e->reason = reason;
  e->message = message;
  const struct sim_asked *asked = message == SIM_MSG_START ? sim_asked_find(w, run_no) : NULL;
  if (!asked) return;
  e->entry = calloc(1, sizeof *e->entry);
  *e->entry = *asked->entry;
}

static void perform(struct sim *w, const struct sched_action *a) {
  struct sim_asked *asked = sim_asked_find(w, a->run_no);
  switch (a->kind) {
    case SCHED_DO_CHANGE: sim_submit(w, a->change); break;
    case SCHED_DO_START:
      if (asked) sim_fail(w, "the core starts run %lld twice", (long long)a->run_no);
      else
        sim_send_start(w, sim_ask(w, &(struct sim_entry){.run_no = a->run_no,
                                                         .job_no = a->start.run->job_no,
                                                         .version = a->start.run->version,
                                                         .due_ms = a->start.run->due_ms,
                                                         .attempt = a->start.run->attempt,
                                                         .trigger = (enum run_trigger)a->start.run->trigger,
                                                         .timeout_ms = a->start.timeout_ms,
                                                         .max_runtime_ms = a->start.max_runtime_ms,
                                                         .is_cut_by_total = a->start.is_cut_by_total,
                                                         .is_concurrent = a->start.policy.allow_concurrent,
                                                         .on_crash = a->start.policy.on_crash,
                                                         .group = a->start.policy.group}));
      break;
    case SCHED_DO_KILL:
      if (asked) asked->killed = a->reason;
      sim_send_to_warden(w, SIM_MSG_KILL, a->run_no, a->reason);
      break;
    case SCHED_DO_ACK:
      sim_asked_forget(w, a->run_no);
      sim_send_to_warden(w, SIM_MSG_ACK, a->run_no, REASON_NONE);
      break;
    case SCHED_DO_ANSWER:
      if (a->token == 1 && a->error == ERR_OK) { /* a manual run is promised */
        if (w->wish_count == w->wish_capacity) {
          w->wish_capacity = w->wish_capacity ? w->wish_capacity * 2 : 64;
          w->wishes = realloc(w->wishes, w->wish_capacity * sizeof *w->wishes);
        }
        w->wishes[w->wish_count++] = (struct sim_wish){.run_no = a->run_no};
      }
      if (a->change) change_free(a->change);
      break;
    case SCHED_DO_NOTE:
      if (a->note.kind == SCHED_NOTE_OCCURRENCE && a->note.reason == REASON_OVERLAP)
        w->counters[SIM_OVERLAP]++;
      if (a->note.kind == SCHED_NOTE_OCCURRENCE && a->note.state == OCCURRENCE_MISSED)
        w->counters[SIM_MISFIRE]++;
      if (a->note.kind == SCHED_NOTE_GAP && a->note.gap->state == OCCURRENCE_MISSED)
        w->counters[SIM_MISFIRE]++;
      if (a->note.kind == SCHED_NOTE_RUN && a->note.run->status == RUN_LOST) w->counters[SIM_LOST]++;
      break;
  }
}

/* The process may die between any two actions. */
void sim_step(struct sim *w, struct sched_event *event) {
  if (!w->core || w->failure) return;
  struct sched_actions actions;
  int64_t wall_ms = sim_wall(w);
  bool is_clock_noticed =
      event->kind == SCHED_TIMER || sim_chance(w, 50); /* other events may come in first */
  if (w->clock_told_ms != w->offset_ms && !w->is_recovering && is_clock_noticed) {
    int64_t was_ms = w->now + w->clock_told_ms;
    w->clock_told_ms = w->offset_ms;
    struct sched_event set = {.kind = SCHED_CLOCK_SET, .clock = {was_ms, wall_ms}};
    sim_step(w, &set);
    if (!w->core) {
      if (event->kind == SCHED_ANSWERED || event->kind == SCHED_EDIT) change_free(event->change);
      return;
    }
  }
  enum err e = sched_step(w->core, event, wall_ms, &actions);
  w->steps++;
  if (e) {
    sim_fail(w, "step refused: %s", err_text(e));
    return;
  }
  size_t n = 0;
  for (; n < actions.count; n++) {
    if (w->crash_after > 0 && --w->crash_after == 0) break;
    perform(w, &actions.items[n]);
  }
  if (n < actions.count) {
    for (; n < actions.count; n++)
      if (actions.items[n].change) change_free(actions.items[n].change);
    sim_serve_crash(w);
    return;
  }
  sim_check_step(w);
}

static void drop_serves_changes(struct sim *w) {
  for (struct change *c = w->queue, *next; c; c = next) {
    next = c->next;
    change_free(c);
  }
  w->queue = NULL;
  w->queue_end = &w->queue;
  for (size_t i = 0; i < w->events.count; i++) {
    struct sim_event *e = CONTAINER_OF(w->events.nodes[i], struct sim_event, node);
    if (e->kind != SIM_EV_ANSWER) continue;
    change_free(e->change);
    e->change = NULL;
  }
}

void sim_serve_crash(struct sim *w) {
  if (!w->core) return;
  sim_say(w, "serve crashes");
  w->counters[SIM_CRASH]++;
  sim_warden_hang_up(w);
  for (size_t i = 0; i < w->start_count; i++) w->starts[i].is_told = false;
  sched_free(w->core);
  w->core = NULL;
  w->generation++;
  w->crash_after = 0;
  w->is_store_busy = false;
  w->is_connected = false;
  drop_serves_changes(w);
  sim_asked_forget(w, 0);
  sim_later(w, SIM_EV_SERVE_UP, sim_chance(w, 20) ? sim_pick(w, 1, 180) * SIM_SECOND : sim_pick(w, 10, 5000));
}

static enum sched_found found_of(const struct sim_entry *e) {
  if (!e) return SCHED_FOUND_NOTHING;
  if (e->life == SIM_ENDED) return e->status == RUN_LOST ? SCHED_FOUND_GONE : SCHED_FOUND_ENDED;
  return SCHED_FOUND_LIVING;
}

static void recover_one(struct sim *w, const struct store_boot *boot, struct unfinished *u,
                        bool is_same_boot) {
  struct sim_entry *e =
      u->has_run ? sim_entry_find(w, u->run.no) : sim_entry_of_due(w, u->job->no, u->due_ms);
  struct run run;
  struct sched_recover r = {.job = u->job,
                            .due_ms = u->due_ms,
                            .not_before_ms = u->not_before_ms,
                            .has_claim = u->has_claim,
                            .has_run = u->has_run,
                            .run = u->has_run ? &u->run : NULL,
                            .found = found_of(e),
                            .is_same_boot = is_same_boot,
                            .last_alive_ms = boot->last_alive_ms};
  if (e && !u->has_run) { /* the journal's START as a row */
    run_init(&run);
    run.no = e->run_no;
    run.status = RUN_RUNNING;
    run.attempt = e->attempt;
    run.trigger = e->trigger;
    run.version = e->version;
    run.started_ms = run.first_started_ms = e->started_ms;
    run.not_before_ms = u->not_before_ms;
    r.run = &run;
  }
  if (r.found == SCHED_FOUND_LIVING) sim_ask(w, e)->is_started = true;
  sim_say(w, "recover job %lld due %s claim %d run %d found %d -> %d", (long long)u->job->no,
          u->due_ms == INSTANT_NONE ? "-" : instant_to_text(u->due_ms).text, u->has_claim, u->has_run,
          r.found, sched_judge_recovery(&r, LIMIT_CLAIM_HORIZON_MS));
  struct sched_event event = {.kind = SCHED_RECOVER, .recover = &r};
  sim_step(w, &event);
}

void sim_submit_alive(struct sim *w) {
  if (!w->core) return;
  struct change *alive = change_new(CHANGE_ALIVE, sim_wall(w));
  alive->alive.journal_id = arena_printf(&alive->arena, "journal-%d", w->journal_no);
  alive->epoch = w->epoch;
  sim_submit(w, alive);
}

void sim_serve_start(struct sim *w) {
  ASSERT(!w->core);
  if (!w->is_warden_up) sim_warden_start(w);
  char boot_id[37], journal_id[33];
  snprintf(boot_id, sizeof boot_id, "boot-%d", w->boot_no);
  snprintf(journal_id, sizeof journal_id, "journal-%d", w->journal_no);
  struct store_config config = {.now_ms = sim_wall(w), .boot_id = boot_id};
  struct store_boot boot = {};
  struct err_detail detail = {};
  enum err e = w->store ? store_mem_reopen(w->store, &config, &boot, &detail)
                        : store_mem_open(&config, &w->store, &boot, &detail);
  if (e) {
    sim_fail(w, "the store does not open: %s", detail.message);
    return;
  }
  bool is_same_boot = boot.is_same_boot && str_eq(str_of(boot.journal_id), str_of(journal_id));
  sim_say(w, "serve starts, epoch %lld, %zu unfinished, same boot %d", (long long)boot.epoch,
          boot.unfinished_count, is_same_boot);
  if (boot.epoch <= w->epoch) sim_fail(w, "the epoch did not grow");
  w->epoch = boot.epoch;
  w->fence = ++w->connection; /* hello: whatever older connections said and was not read is dropped */
  w->is_connected = true;
  struct sched_config core = {.epoch = boot.epoch, .last_run_no = boot.last_run_no, .random_seed = w->seed};
  if (sched_new(&core, &w->core)) abort();
  w->clock_told_ms = w->offset_ms;
  w->is_recovering = true;
  settings_unref(w->settings);
  w->settings = settings_ref(boot.settings);
  struct sched_event settings = {.kind = SCHED_SETTINGS, .settings = boot.settings};
  sim_step(w, &settings);
  LIST_EACH (&w->entries, node) {
    struct sched_event seen = {.kind = SCHED_SEEN,
                               .run_no = CONTAINER_OF(node, struct sim_entry, link)->run_no};
    sim_step(w, &seen);
  }
  for (size_t i = 0; i < boot.unfinished_count && w->core; i++)
    recover_one(w, &boot, &boot.unfinished[i], is_same_boot);
  store_boot_free(&boot);
  bool ends_first = sim_chance(w, 50);
  if (ends_first) sim_warden_connect(w);
  struct sched_event ready = {.kind = SCHED_READY};
  sim_step(w, &ready);
  w->is_recovering = false;
  if (!ends_first) sim_warden_connect(w);
  sim_later(w, SIM_EV_ALIVE, SIM_SECOND);
}

/* ---- the loop ---- */
static void serve_event(struct sim *w, const struct sim_event *e) {
  struct sched_event event = {.run_no = e->run_no, .at_ms = e->at_ms, .reason = e->reason};
  if (e->generation != w->connection || !w->is_connected) return;
  switch (e->message) {
    case SIM_MSG_STARTED:
      event.kind = SCHED_STARTED;
      if (sim_asked_find(w, e->run_no)) sim_asked_find(w, e->run_no)->is_started = true;
      sim_step(w, &event);
      break;
    case SIM_MSG_REFUSED:
      sim_asked_forget(w, e->run_no);
      event.kind = SCHED_REFUSED;
      event.text = "refused";
      sim_step(w, &event);
      break;
    default: {
      const struct sim_entry *entry = sim_entry_find(w, e->run_no);
      if (entry && entry->life == SIM_ENDED) sim_tell_end(w, entry);
    }
  }
}

static void answer_event(struct sim *w, struct sim_event *e) {
  struct change *c = e->change;
  e->change = NULL;
  if (!c) return; /* its server is gone */
  if (c->kind == CHANGE_ALIVE) {
    change_free(c);
    return;
  }
  if (c->kind == CHANGE_SETTINGS && c->error == ERR_OK) {
    settings_unref(w->settings);
    w->settings = settings_ref(c->settings.saved);
  }
  struct sched_event event = {.kind = SCHED_ANSWERED, .change = c};
  sim_step(w, &event);
}

static void alive_event(struct sim *w, const struct sim_event *e) {
  if (e->generation != w->generation || !w->core) return;
  sim_submit_alive(w);
  sim_later(w, SIM_EV_ALIVE, SIM_SECOND);
}

static void dispatch(struct sim *w, struct sim_event *e) {
  switch (e->kind) {
    case SIM_EV_STORE:
      if (e->generation == w->generation) store_batch(w);
      break;
    case SIM_EV_ANSWER: answer_event(w, e); break;
    case SIM_EV_TO_WARDEN: sim_warden_message(w, e); break;
    case SIM_EV_TO_SERVE: serve_event(w, e); break;
    case SIM_EV_TERM: sim_warden_term(w, e->run_no, e->reason); break;
    case SIM_EV_EXIT: sim_warden_exit(w, e->run_no); break;
    case SIM_EV_SERVE_UP:
      if (!w->core) sim_serve_start(w);
      break;
    case SIM_EV_WARDEN_UP:
      if (!w->is_warden_up) sim_warden_start(w);
      if (w->core && !w->is_connected) sim_warden_connect(w);
      break;
    case SIM_EV_RECONNECT:
      if (w->core && w->is_warden_up && !w->is_connected) sim_warden_connect(w);
      break;
    case SIM_EV_POWER_LOSS: sim_power_loss(w); break;
    case SIM_EV_NEMESIS: sim_nemesis(w); break;
    case SIM_EV_PEOPLE: sim_people(w); break;
    case SIM_EV_ALIVE: alive_event(w, e); break;
  }
}

static void wake_core(struct sim *w) {
  struct sched_event timer = {.kind = SCHED_TIMER};
  sim_step(w, &timer);
}

static bool advance(struct sim *w) {
  struct heap_node *top = heap_top(&w->events);
  int64_t next = top ? top->key : INSTANT_NEVER;
  int64_t wake_ms = w->core ? sched_wake_ms(w->core) : INSTANT_NEVER;
  int64_t wake = wake_ms == INSTANT_NEVER ? INSTANT_NEVER : wake_ms - w->offset_ms;
  if (wake < w->now) wake = w->now;
  if (w->core && w->clock_told_ms != w->offset_ms && wake > w->now + 500) wake = w->now + sim_pick(w, 0, 500);
  if (wake < next) {
    if (wake > w->end_at + SIM_DAY) return false;
    w->now = wake;
    if (!w->is_calm && w->now >= w->end_at) return false;
    wake_core(w);
    return true;
  }
  if (!top) return false;
  if (!w->is_calm && next >= w->end_at) return false;
  ASSERT(next >= w->now);
  w->now = next;
  heap_remove(&w->events, top);
  struct sim_event *e = CONTAINER_OF(top, struct sim_event, node);
  dispatch(w, e);
  free(e->entry);
  free(e);
  return true;
}

#define STEPS_MAX 400000
#define CALM_MS \
  (20 * SIM_MINUTE) /* longer than any process, timeout, retry and queue of the simulated jobs */

static void settle(struct sim *w, int64_t for_ms) {
  size_t turns = 0;
  w->end_at = w->now + for_ms;
  while (!w->failure && w->now < w->end_at && advance(w))
    if (++turns > STEPS_MAX) sim_fail(w, "it does not settle");
}

bool sim_run(struct sim *w) {
  sim_setup(w);
  size_t turns = 0;
  while (!w->failure && advance(w))
    if (++turns > STEPS_MAX) sim_fail(w, "it does not come to an end");
  w->is_calm = true;
  w->crash_after = 0;
  w->dies_after_start = false;
  w->store_fails_until = w->store_slow_until = 0;
  if (!w->core && !w->failure) sim_serve_start(w);
  if (!w->failure && !w->is_connected) sim_later(w, SIM_EV_WARDEN_UP, 10);
  settle(w, SIM_MINUTE); /* life goes on without faults */
  sim_pause_all(w);
  settle(w, CALM_MS);
  if (!w->failure) sim_check_end(w);
  return !w->failure;
}

void sim_free(struct sim *w) {
  sched_free(w->core);
  w->core = NULL;
  drop_serves_changes(w);
  while (w->events.count > 0) {
    struct sim_event *e = CONTAINER_OF(heap_top(&w->events), struct sim_event, node);
    heap_remove(&w->events, &e->node);
    free(e->entry);
    free(e);
  }
  heap_free(&w->events);
  sim_entries_free(w);
  sim_asked_forget(w, 0);
  for (size_t i = 0; i < w->job_count; i++) job_unref(w->jobs[i].job);
  if (w->store) w->store->ops->close(w->store);
  settings_unref(w->settings);
  tzdb_free(w->tzdb);
  free(w->starts);
  free(w->wishes);
}
