#include <stdlib.h>

#include "tests/sim/sim.h"

#define GRACE_MS 10000

struct sim_entry *sim_entry_find(struct sim *w, int64_t run_no) {
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (e->run_no == run_no) return e;
  }
  return NULL;
}

struct sim_entry *sim_entry_of_due(struct sim *w, int64_t job_no, int64_t due_ms) {
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (e->job_no == job_no && e->due_ms == due_ms && e->attempt == 1 && due_ms != INSTANT_NONE) return e;
  }
  return NULL;
}

void sim_entries_free(struct sim *w) {
  LIST_EACH (&w->entries, node) {
    list_remove(node);
    free(CONTAINER_OF(node, struct sim_entry, link));
  }
}

static void say_to_serve(struct sim *w, enum sim_message message, const struct sim_entry *entry) {
  if (!w->is_connected || !w->core) return;
  struct sim_event *e = sim_send(w, SIM_EV_TO_SERVE, &w->last_to_serve);
  e->generation = w->connection;
  e->message = message;
  e->run_no = entry->run_no;
  e->at_ms = entry->started_ms;
  e->reason = REASON_COULD_NOT_START;
}

/* ---- processes ---- */
/* What this one will do. Exit codes as in DESIGN 7. */
static void choose_fate(struct sim *w, struct sim_entry *e) {
  int64_t kind = w->is_calm ? 99 : sim_pick(w, 0, 99);
  e->exit_at = w->now + (sim_chance(w, 80) ? sim_pick(w, 5, 3000) : sim_pick(w, 3000, 60000));
  e->planned = RUN_SUCCESS;
  e->is_stubborn = sim_chance(w, 15);
  e->is_talker = sim_chance(w, 15);
  if (kind < 25) {
    e->planned = RUN_FAILED;
    e->exit_code = kind < 3 ? 75 : kind < 6 ? 2 : 1;
  } else if (kind < 29) {
    e->planned = RUN_SKIPPED;
    e->exit_code = 77;
  } else if (kind < 37) {
    e->exit_at = INSTANT_NEVER; /* hangs until its timeout */
    w->counters[SIM_HANG]++;
  } else if (kind < 45) {
    e->exit_at += sim_pick(w, 100, 20000); /* what it forked is ended with it, a while later */
    w->counters[SIM_FORK]++;
  }
}

static void finish_entry(struct sim *w, struct sim_entry *e, enum run_status status, enum reason reason) {
  ASSERT(e->life == SIM_LIVING);
  e->life = SIM_ENDED;
  e->status = status;
  e->reason = reason;
  e->ended_ms = sim_wall(w);
  for (size_t i = w->start_count; i-- > 0;) {
    if (w->starts[i].run_no != e->run_no) continue;
    w->starts[i].has_ended = true;
    w->starts[i].status = status;
    break;
  }
  sim_say(w, "run %lld of job %lld ended: %s", (long long)e->run_no, (long long)e->job_no,
          run_status_text(status));
}

void sim_warden_exit(struct sim *w, int64_t run_no) {
  struct sim_entry *e = sim_entry_find(w, run_no);
  if (!w->is_warden_up || !e || e->life != SIM_LIVING || w->now < e->exit_at) return;
  if (e->reason == REASON_NONE) finish_entry(w, e, e->planned, REASON_NONE);
  else if (e->reason == REASON_TIMEOUT || e->reason == REASON_TOTAL_TIMEOUT)
    finish_entry(w, e, RUN_TIMEOUT, e->reason);
  else finish_entry(w, e, RUN_CANCELLED, e->reason);
  say_to_serve(w, SIM_MSG_ENDED, e);
}

/* Its channel has ended with the server: it gives the attempt up (exit 75). */
void sim_warden_hang_up(struct sim *w) {
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (e->life != SIM_LIVING || !e->is_talker || e->is_interrupted || e->reason != REASON_NONE) continue;
    e->is_interrupted = true;
    e->planned = RUN_FAILED;
    e->exit_code = 75;
    e->exit_at = w->now + sim_pick(w, 0, 50);
    w->counters[SIM_INTERRUPT]++;
    sim_later(w, SIM_EV_EXIT, e->exit_at - w->now)->run_no = e->run_no;
  }
}

/* TERM, and KILL after the grace for who ignores it. e->reason remembers why while it lives. */
void sim_warden_term(struct sim *w, int64_t run_no, enum reason reason) {
  struct sim_entry *e = sim_entry_find(w, run_no);
  if (!w->is_warden_up || !e || e->life != SIM_LIVING || e->reason != REASON_NONE) return;
  e->reason = reason;
  int64_t delay_ms = e->is_stubborn ? GRACE_MS : sim_pick(w, 0, 500);
  if (e->is_stubborn) w->counters[SIM_STUBBORN]++;
  e->exit_at = w->now + delay_ms;
  sim_later(w, SIM_EV_EXIT, delay_ms)->run_no = run_no;
}

static void spawn(struct sim *w, const struct sim_entry *asked) {
  struct sim_entry *e = calloc(1, sizeof *e);
  *e = *asked;
  e->life = SIM_LIVING;
  e->link = (struct list){};
  e->started_ms = sim_wall(w);
  list_push_back(&w->entries, &e->link);
  choose_fate(w, e);
  sim_check_start(w, e);
  if (e->exit_at != INSTANT_NEVER) sim_later(w, SIM_EV_EXIT, e->exit_at - w->now)->run_no = e->run_no;
  struct sim_event *term = sim_later(w, SIM_EV_TERM, e->timeout_ms);
  term->run_no = e->run_no;
  term->reason = e->is_cut_by_total ? REASON_TOTAL_TIMEOUT : REASON_TIMEOUT;
  say_to_serve(w, SIM_MSG_STARTED, e);
}

static void start_message(struct sim *w, const struct sim_event *m) {
  struct sim_entry *known = sim_entry_find(w, m->run_no);
  if (known) { /* answered from the journal, not repeated */
    say_to_serve(w, known->life == SIM_ENDED ? SIM_MSG_ENDED : SIM_MSG_STARTED, known);
  } else if (!w->is_calm && sim_chance(w, 1)) {
    say_to_serve(w, SIM_MSG_REFUSED, m->entry);
  } else {
    spawn(w, m->entry);
  }
}

/* A message of a connection that a newer hello has closed is never read. */
void sim_warden_message(struct sim *w, const struct sim_event *m) {
  if (!w->is_warden_up || m->generation < w->fence) return;
  struct sim_entry *e;
  switch (m->message) {
    case SIM_MSG_START: start_message(w, m); break;
    case SIM_MSG_KILL: sim_warden_term(w, m->run_no, m->reason); break;
    case SIM_MSG_ACK:
      e = sim_entry_find(w, m->run_no);
      if (!e || e->life != SIM_ENDED) break;
      list_remove(&e->link);
      free(e);
      break;
    default: break;
  }
}

/* ---- what serve has asked for ---- */
struct sim_asked *sim_asked_find(struct sim *w, int64_t run_no) {
  LIST_EACH (&w->asked, node) {
    struct sim_asked *a = CONTAINER_OF(node, struct sim_asked, link);
    if (a->entry->run_no == run_no) return a;
  }
  return NULL;
}

struct sim_asked *sim_ask(struct sim *w, const struct sim_entry *entry) {
  struct sim_asked *a = calloc(1, sizeof *a);
  a->entry = calloc(1, sizeof *a->entry);
  *a->entry = *entry;
  a->journal_no = w->journal_no;
  list_push_back(&w->asked, &a->link);
  return a;
}

void sim_asked_forget(struct sim *w, int64_t run_no) {
  LIST_EACH (&w->asked, node) {
    struct sim_asked *a = CONTAINER_OF(node, struct sim_asked, link);
    if (run_no != 0 && a->entry->run_no != run_no) continue;
    list_remove(node);
    free(a->entry);
    free(a);
  }
}

void sim_send_start(struct sim *w, struct sim_asked *a) {
  a->is_sent |= w->is_connected;
  sim_send_to_warden(w, SIM_MSG_START, a->entry->run_no, REASON_NONE);
  if (a->killed) sim_send_to_warden(w, SIM_MSG_KILL, a->entry->run_no, a->killed);
}

/* What was sent and is in no journal was not started, so it is sent again; unless the journal is a new one, which cannot
 * tell, or it is known to have run: then it is lost. */
static void resume(struct sim *w, int64_t run_no) {
  struct sim_asked *a = sim_asked_find(w, run_no);
  const struct sim_entry *e = a ? sim_entry_find(w, run_no) : NULL;
  if (!a || (e && e->life == SIM_ENDED)) return;
  if (e) {
    if (a->killed) sim_send_to_warden(w, SIM_MSG_KILL, run_no, a->killed);
  } else if (!a->is_started && (!a->is_sent || a->journal_no == w->journal_no)) {
    sim_send_start(w, a);
  } else {
    struct sched_end lost = {.run_no = run_no, .status = RUN_LOST, .reason = REASON_LOST};
    run_init(&lost.facts);
    sim_asked_forget(w, run_no);
    struct sched_event event = {.kind = SCHED_ENDED, .end = &lost};
    sim_step(w, &event);
  }
}

static void resume_all(struct sim *w) {
  int64_t runs[1000];
  size_t count = 0;
  LIST_EACH (&w->asked, node)
    if (count < 1000) runs[count++] = CONTAINER_OF(node, struct sim_asked, link)->entry->run_no;
  for (size_t i = 0; i < count && w->core; i++) resume(w, runs[i]);
}

/* ---- life of the warden ---- */
void sim_disconnect(struct sim *w) {
  if (!w->is_connected) return;
  w->is_connected = false;
  w->connection++;
  struct sched_event down = {.kind = SCHED_WARDEN, .is_up = false};
  sim_step(w, &down);
}

void sim_warden_die(struct sim *w) {
  if (!w->is_warden_up) return;
  sim_say(w, "the warden dies");
  w->counters[SIM_WARDEN_DEATH]++;
  w->is_warden_up = false;
  sim_disconnect(w);
  w->fence = ++w->connection; /* its sockets are gone, with what was in them */
  sim_later(w, SIM_EV_WARDEN_UP, sim_pick(w, 50, 4000));
}

/* The journal is gone (its folder was lost): whatever was in it has ended, nobody knows how. */
void sim_journal_lost(struct sim *w) {
  w->journal_no++;
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    for (size_t i = w->start_count; i-- > 0;) {
      if (w->starts[i].run_no != e->run_no || w->starts[i].is_on_record || w->starts[i].is_told) continue;
      w->starts[i].status = RUN_LOST;
      w->starts[i].has_ended = true;
    }
    list_remove(node);
    free(e);
  }
}

/* A new warden first kills the trees of a dead one; only then are its runs lost. */
void sim_warden_start(struct sim *w) {
  w->is_warden_up = true;
  sim_say(w, "a warden starts");
  if (!w->is_calm && sim_chance(w, 10)) sim_journal_lost(w);
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (e->life == SIM_LIVING) finish_entry(w, e, RUN_LOST, REASON_LOST);
  }
}

void sim_tell_end(struct sim *w, const struct sim_entry *e) {
  for (size_t i = w->start_count; i-- > 0;)
    if (w->starts[i].run_no == e->run_no) w->starts[i].is_told = true;
  struct sched_end end = {
      .run_no = e->run_no, .status = e->status, .reason = e->reason, .may_retry = e->exit_code != 2};
  run_init(&end.facts);
  end.facts.started_ms = e->started_ms;
  end.facts.finished_ms = e->ended_ms;
  end.facts.exit_code = e->exit_code;
  end.is_interrupted = e->is_interrupted && e->status == RUN_FAILED;
  struct sched_event event = {.kind = SCHED_ENDED, .end = &end};
  sim_step(w, &event);
}

void sim_warden_connect(struct sim *w) {
  if (!w->core || !w->is_warden_up) return;
  bool is_back = !w->is_connected; /* else it is a new server, which has asked for nothing before */
  if (is_back) w->fence = ++w->connection;
  w->is_connected = true;
  int64_t generation = w->generation;
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (!w->core || w->generation != generation) return;
    if (e->life == SIM_ENDED) {
      sim_tell_end(w, e);
    } else {
      if (sim_asked_find(w, e->run_no)) sim_asked_find(w, e->run_no)->is_started = true;
      struct sched_event started = {.kind = SCHED_STARTED, .run_no = e->run_no, .at_ms = e->started_ms};
      sim_step(w, &started);
    }
  }
  sim_submit_alive(w);
  if (is_back) resume_all(w);
  struct sched_event up = {.kind = SCHED_WARDEN, .is_up = true};
  sim_step(w, &up);
}
