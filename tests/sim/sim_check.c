#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define LATELY_MS (4 * SIM_MINUTE) /* longer than the queue timeouts and a process of the calm end */

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

struct sim_job *sim_job_find(struct sim *w, int64_t job_no) {
  for (size_t i = 0; i < w->job_count; i++)
    if (w->jobs[i].no == job_no) return &w->jobs[i];
  return NULL;
}

static struct store_read *ask(struct sim *w, enum store_read_kind kind, int64_t no, int64_t after) {
  struct store_read *r = store_read_new(kind, sim_wall(w));
  r->no = no;
  r->after = after;
  r->from_ms = INSTANT_NONE;
  r->to_ms = INSTANT_NONE;
  r->limit = LIMIT_PAGE;
  enum err e = w->store->ops->read(w->store, r);
  if (e) sim_fail(w, "reading failed: %s %s", err_text(e), r->detail.message);
  return r;
}

/* ---- history, as it was committed ---- */
static const char *static_zone(const char *name) { /* names that outlive any job */
  static const char *const known[] = {"Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "UTC"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i], name) == 0) return known[i];
  return "no such zone";
}

static void add_version(struct sim *w, struct sim_job *j, const struct job *job, int64_t from_ms) {
  if (j->version_count > 0) {
    struct sim_version *last = &j->versions[j->version_count - 1];
    last->to_ms = max_of(from_ms, last->from_ms);
  }
  if (j->version_count == sizeof j->versions / sizeof *j->versions) {
    sim_fail(w, "too many versions for the checker");
    return;
  }
  struct sim_version *v = &j->versions[j->version_count++];
  *v = (struct sim_version){.version = job->version,
                            .from_ms = from_ms,
                            .to_ms = INSTANT_NEVER,
                            .is_active = job->is_active != 0,
                            .timezone = static_zone(job->timezone ? job->timezone : w->settings_zone),
                            .anchor_ms = job->anchor_ms,
                            .dst = job->dst == FIELD_NULL ? SCHEDULE_DST_ONCE : (enum schedule_dst)job->dst};
  snprintf(v->schedule, sizeof v->schedule, "%s", job->schedule);
}

static void job_saved(struct sim *w, const struct change *c) {
  const struct job *job = c->job.saved;
  struct sim_job *j = sim_job_find(w, job->no);
  if (!j) {
    if (w->job_count == SIM_JOBS_MAX) {
      sim_fail(w, "too many jobs for the checker");
      return;
    }
    j = &w->jobs[w->job_count++];
    j->no = job->no;
  }
  add_version(w, j, job, c->job.from_ms);
  job_unref(j->job);
  j->job = job_copy(job);
}

static int64_t from_of(const struct edit_from *from, size_t count, int64_t job_no, int64_t at_ms) {
  for (size_t i = 0; i < count; i++)
    if (from[i].job_no == job_no) return max_of(at_ms, from[i].from_ms);
  return at_ms;
}

/* An edit below the newest version's beginning (the clock was set back): it governs from there on. */
static void govern_from(struct sim_job *j, int64_t from_ms) {
  struct sim_version *v = &j->versions[j->version_count - 1];
  if (v->from_ms > from_ms) v->from_ms = from_ms;
}

/* scope PROCESS stands for isEnabled. */
static void gate_turned(struct sim *w, struct sim_job *j, enum gate_scope scope, int64_t from_ms,
                        int64_t until_ms) {
  for (size_t i = 0; i < j->closed_count; i++) {
    struct sim_closed *c = &j->closed[i];
    if (c->scope == scope && c->until_ms > from_ms) c->until_ms = max_of(from_ms, c->from_ms);
  }
  if (until_ms <= from_ms) return;
  if (j->closed_count == sizeof j->closed / sizeof *j->closed) {
    sim_fail(w, "too many gates for the checker");
    return;
  }
  j->closed[j->closed_count++] =
      (struct sim_closed){.from_ms = from_ms, .until_ms = until_ms, .scope = scope};
}

static void gate_applied(struct sim *w, const struct change *c) {
  for (size_t i = 0; i < w->job_count; i++) {
    struct sim_job *j = &w->jobs[i];
    if (j->is_deleted || (c->gate.scope == GATE_SCOPE_JOB && j->no != c->gate.job_no)) continue;
    int64_t until_ms = c->gate.gate == GATE_OPEN                ? INSTANT_NONE
                       : c->gate.gate_until_ms == INSTANT_NEVER ? INSTANT_NEVER
                                                                : c->gate.gate_until_ms - 1;
    int64_t from_ms = from_of(c->gate.from, c->gate.from_count, j->no, c->at_ms);
    govern_from(j, from_ms);
    gate_turned(w, j, c->gate.scope, from_ms, until_ms);
  }
}

static bool settings_concerns_job(const struct job *job, bool was_enabled, const char *old_zone,
                                  const struct settings *after) {
  struct settings before = *after;
  before.is_enabled = was_enabled;
  before.timezone = old_zone;
  return settings_change_concerns(&before, after, job);
}

static void settings_applied(struct sim *w, const struct change *c, bool was_enabled, const char *old_zone) {
  const struct settings *s = c->settings.saved;
  for (size_t i = 0; i < w->job_count; i++) {
    struct sim_job *j = &w->jobs[i];
    if (j->is_deleted) continue;
    int64_t from_ms = from_of(c->settings.from, c->settings.from_count, j->no, c->at_ms);
    if (settings_concerns_job(j->job, was_enabled, old_zone, s)) govern_from(j, from_ms);
    if (was_enabled != (s->is_enabled != 0))
      gate_turned(w, j, GATE_SCOPE_PROCESS, from_ms, s->is_enabled ? INSTANT_NONE : INSTANT_NEVER);
    if (!j->job->timezone && strcmp(old_zone, s->timezone) != 0) add_version(w, j, j->job, from_ms);
  }
}

/* The clock stands before the last edit of a job now: its newest definition governs what is planned from here
 * on, which is what lies behind everything on record. */
static void clock_went_back(struct sim *w, int64_t is_ms) {
  for (size_t i = 0; i < w->job_count; i++) {
    struct sim_job *j = &w->jobs[i];
    struct sim_version *v = &j->versions[j->version_count - 1];
    if (j->is_deleted || v->from_ms <= is_ms) continue;
    struct store_read *r = ask(w, READ_OCCURRENCES, j->no, 0);
    int64_t through_ms = is_ms;
    for (size_t n = 0; n < r->count; n++) through_ms = max_of(through_ms, r->occurrences[n].last_ms);
    store_read_free(r);
    if (v->from_ms > through_ms) v->from_ms = through_ms;
  }
}

void sim_note_applied(struct sim *w, const struct change *c) {
  for (size_t i = 0; w->is_verbose && i < c->claimed.count; i++)
    sim_say(w, "claimed by change %d: job %lld due %s version %lld%s", c->kind,
            (long long)c->claimed.claims[i].job->no, instant_to_text(c->claimed.claims[i].due_ms).text,
            (long long)c->claimed.claims[i].job->version, c->claimed.claims[i].is_catch_up ? " late" : "");
  switch (c->kind) {
    case CHANGE_JOB_SAVE: job_saved(w, c); break;
    case CHANGE_JOB_DELETE: {
      struct sim_job *j = sim_job_find(w, c->job.job_no);
      if (!j) break;
      j->is_deleted = w->has_deleted = true;
      struct sim_version *v = &j->versions[j->version_count - 1];
      v->to_ms = max_of(c->job.from_ms, v->from_ms);
      break;
    }
    case CHANGE_GATE: gate_applied(w, c); break;
    case CHANGE_SETTINGS: {
      const char *old_zone = w->settings_zone;
      w->settings_zone = static_zone(c->settings.saved->timezone);
      settings_applied(w, c, !w->is_off, old_zone);
      w->is_off = !c->settings.saved->is_enabled;
      break;
    }
    case CHANGE_CLOCK:
      if (c->clock.is_ms < c->clock.was_ms) clock_went_back(w, c->clock.is_ms);
      break;
    case CHANGE_END:
      for (size_t i = 0; i < w->start_count; i++)
        if (w->starts[i].run_no == c->run.run.no) w->starts[i].is_on_record = true;
      if (c->run.has_retry) w->counters[SIM_RETRY]++;
      break;
    default: break;
  }
}

/* ---- at every start of a process ---- */
static const struct sim_version *version_of(const struct sim_job *j, int64_t version, int64_t due_ms) {
  for (size_t i = 0; i < j->version_count; i++) {
    const struct sim_version *v = &j->versions[i];
    if (v->version == version && due_ms > v->from_ms && due_ms <= v->to_ms) return v;
  }
  return NULL;
}

static void check_once(struct sim *w, const struct sim_entry *e) {
  for (size_t i = 0; i < w->start_count; i++) {
    const struct sim_start *s = &w->starts[i];
    if (s->run_no == e->run_no) sim_fail(w, "run %lld was started twice", (long long)e->run_no);
    if (e->due_ms == INSTANT_NONE || s->job_no != e->job_no || s->due_ms != e->due_ms) continue;
    if (s->attempt == e->attempt)
      sim_fail(w, "job %lld, due %s, attempt %lld was started twice", (long long)e->job_no,
               instant_to_text(e->due_ms).text, (long long)e->attempt);
    if (s->attempt != e->attempt - 1) continue;
    bool may_repeat =
        s->has_ended && (s->status == RUN_FAILED || s->status == RUN_TIMEOUT || s->status == RUN_LOST);
    if (!may_repeat || (s->status == RUN_LOST && e->on_crash != CRASH_RETRY))
      sim_fail(w, "job %lld, due %s: attempt %lld follows one that %s", (long long)e->job_no,
               instant_to_text(e->due_ms).text, (long long)e->attempt,
               s->has_ended ? run_status_text(s->status) : "still runs");
  }
}

static void check_alone(struct sim *w, const struct sim_entry *e) {
  int64_t living = 0;
  LIST_EACH (&w->entries, node) {
    const struct sim_entry *other = CONTAINER_OF(node, struct sim_entry, link);
    /* The store forgets a deleted job's runs; a server that starts later cannot count one that still runs. */
    const struct sim_job *j = sim_job_find(w, other->job_no);
    if (other->life != SIM_LIVING || !j || j->is_deleted) continue;
    living++;
    if (other == e) continue;
    if (other->job_no == e->job_no && !e->is_concurrent && !other->is_concurrent)
      sim_fail(w, "job %lld overlaps itself: runs %lld and %lld", (long long)e->job_no,
               (long long)other->run_no, (long long)e->run_no);
    if (e->group && other->group)
      sim_fail(w, "two runs of group %s: jobs %lld and %lld", e->group, (long long)other->job_no,
               (long long)e->job_no);
  }
  if (living > w->cap_max)
    sim_fail(w, "%lld processes, %lld are allowed", (long long)living, (long long)w->cap_max);
}

static void check_may_fire(struct sim *w, const struct sim_entry *e) {
  if (e->due_ms == INSTANT_NONE || e->attempt > 1 || sim_is_lived_twice(w, e->due_ms)) return;
  struct sim_job *j = sim_job_find(w, e->job_no);
  if (!j || !version_of(j, e->version, e->due_ms)) {
    sim_fail(w, "job %lld fires for %s by version %lld, which does not govern it", (long long)e->job_no,
             instant_to_text(e->due_ms).text, (long long)e->version);
    for (size_t i = 0; j && i < j->version_count; i++)
      sim_say(w, "version %lld from %s to %s %s", (long long)j->versions[i].version,
              instant_to_text(j->versions[i].from_ms).text, instant_to_text(j->versions[i].to_ms).text,
              j->versions[i].schedule);
    return;
  }
  for (size_t i = 0; i < j->closed_count; i++)
    if (e->due_ms > j->closed[i].from_ms && e->due_ms <= j->closed[i].until_ms)
      sim_fail(w, "job %lld fires for %s though it is closed since %lld s until %s (scope %d)",
               (long long)e->job_no, instant_to_text(e->due_ms).text,
               (long long)(e->due_ms - j->closed[i].from_ms) / 1000,
               instant_to_text(j->closed[i].until_ms).text, j->closed[i].scope);
  if (e->started_ms < e->due_ms && w->now - w->last_jump_at > 100)
    sim_fail(w, "job %lld fires before its time %s", (long long)e->job_no, instant_to_text(e->due_ms).text);
}

void sim_check_start(struct sim *w, const struct sim_entry *e) {
  sim_say(w, "run %lld starts: job %lld due %s attempt %lld %s", (long long)e->run_no, (long long)e->job_no,
          e->due_ms == INSTANT_NONE ? "-" : instant_to_text(e->due_ms).text, (long long)e->attempt,
          run_trigger_text(e->trigger));
  check_once(w, e);
  check_alone(w, e);
  check_may_fire(w, e);
  w->counters[SIM_START]++;
  if (e->trigger == TRIGGER_CATCHUP) w->counters[SIM_CATCH_UP]++;
  if (w->start_count == w->start_capacity) {
    w->start_capacity = w->start_capacity ? w->start_capacity * 2 : 256;
    w->starts = realloc(w->starts, w->start_capacity * sizeof *w->starts);
  }
  w->starts[w->start_count++] = (struct sim_start){.run_no = e->run_no,
                                                   .job_no = e->job_no,
                                                   .version = e->version,
                                                   .due_ms = e->due_ms,
                                                   .attempt = e->attempt,
                                                   .trigger = e->trigger,
                                                   .started_ms = e->started_ms};
  if (!w->dies_after_start) return;
  w->dies_after_start = false;
  sim_later(w, SIM_EV_POWER_LOSS, 0);
}

/* ---- after every step ---- */
void sim_check_step(struct sim *w) {
  struct sched_status s = sched_status(w->core);
  if ((int64_t)s.running > w->cap_max)
    sim_fail(w, "%zu slots taken, %lld are allowed", s.running, (long long)w->cap_max);
  if (s.armed > LIMIT_CLAIM_BATCH || s.queued > LIMIT_QUEUED_RUNS) sim_fail(w, "a bound was passed");
  if (!w->has_passed_dst && sim_wall(w) >= w->dst_at_ms) {
    w->has_passed_dst = true;
    w->counters[w->is_gap ? SIM_DST_GAP : SIM_DST_OVERLAP]++;
  }
}

/* ---- at the end: brute force ---- */
struct instants {
  int64_t *at;
  uint8_t *verdicts;
  size_t count, capacity;
};

static void add_instant(struct instants *all, int64_t at_ms) {
  if (all->count == all->capacity) {
    all->capacity = all->capacity ? all->capacity * 2 : 1024;
    all->at = realloc(all->at, all->capacity * sizeof *all->at);
  }
  all->at[all->count++] = at_ms;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static struct schedule *compile(struct sim *w, const struct sim_job *j, const struct sim_version *v) {
  struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
  o.timezone = str_of(v->timezone);
  o.seed = (uint64_t)j->job->seed;
  o.anchor_ms = v->anchor_ms;
  o.dst = v->dst;
  struct schedule *s = NULL;
  struct err_detail detail = {};
  if (schedule_compile(w->tzdb, str_of(v->schedule), &o, &s, &detail))
    sim_fail(w, "the checker cannot compile %s: %s", v->schedule, detail.message);
  return s;
}

static bool is_governing(const struct sim_job *j, size_t index, int64_t at_ms) {
  for (size_t i = j->version_count; i-- > 0;)
    if (j->versions[i].from_ms < at_ms) return i == index;
  return false;
}

static void expect(struct sim *w, const struct sim_job *j, int64_t until_ms, struct instants *all) {
  for (size_t i = 0; i < j->version_count && !w->failure; i++) {
    const struct sim_version *v = &j->versions[i];
    if (!v->is_active) continue;
    struct schedule *s = compile(w, j, v);
    int64_t end_ms = v->to_ms < until_ms ? v->to_ms : until_ms;
    for (int64_t at_ms = v->from_ms; s && (at_ms = schedule_next(s, at_ms)) <= end_ms;)
      if (is_governing(j, i, at_ms)) add_instant(all, at_ms);
    schedule_free(s);
  }
  if (all->count > 0) qsort(all->at, all->count, sizeof *all->at, by_time);
  all->verdicts = calloc(all->count + 1, 1);
}

static size_t first_from(const struct instants *all, int64_t at_ms) {
  size_t low = 0, high = all->count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (all->at[mid] < at_ms) low = mid + 1;
    else high = mid;
  }
  return low;
}

static const struct sim_start *start_of(const struct sim *w, int64_t job_no, int64_t due_ms) {
  for (size_t i = 0; i < w->start_count; i++)
    if (w->starts[i].job_no == job_no && w->starts[i].due_ms == due_ms) return &w->starts[i];
  return NULL;
}

/* Ran without the witness having seen it: only for these reasons. */
static bool may_be_unseen(enum reason r) {
  return r == REASON_LOST || r == REASON_START_UNKNOWN || r == REASON_COULD_NOT_START ||
         r == REASON_CANCELLED || r == REASON_REPLACED || r == REASON_DISABLED || r == REASON_OVERLAP;
}

static void check_row(struct sim *w, const struct sim_job *j, const struct occurrence_row *row) {
  const char *due = instant_to_text(row->due_ms).text;
  char text[40];
  snprintf(text, sizeof text, "%s", due);
  const struct sim_start *s = start_of(w, j->no, row->due_ms);
  if (row->state == OCCURRENCE_PENDING && row->due_ms <= sim_wall(w) - LATELY_MS)
    sim_fail(w, "job %lld, %s is pending for ever", (long long)j->no, text);
  else if (row->state == OCCURRENCE_RAN && !s && !may_be_unseen(row->reason))
    sim_fail(w, "job %lld, %s ran (%s), they say; nobody has seen it", (long long)j->no, text,
             reason_text(row->reason));
  else if (row->state != OCCURRENCE_RAN && s && !sim_is_lived_twice(w, row->due_ms))
    sim_fail(w, "job %lld, %s was started, and is on record as %s/%s", (long long)j->no, text,
             occurrence_state_text(row->state), reason_text(row->reason));
}

static bool touches_twice(const struct sim *w, const struct occurrence_row *row) {
  return w->twice_from_ms != INSTANT_NEVER && row->last_ms >= w->twice_from_ms - SIM_MINUTE;
}

static void mark(struct sim *w, const struct sim_job *j, const struct occurrence_row *row, int64_t until_ms,
                 struct instants *all) {
  bool is_gap = row->last_ms != row->due_ms || row->count > 1;
  int64_t marked = 0;
  for (size_t i = first_from(all, row->due_ms); i < all->count && all->at[i] <= row->last_ms; i++, marked++)
    all->verdicts[i]++;
  if (!is_gap) {
    check_row(w, j, row);
    return;
  }
  if (row->last_ms <= until_ms && marked != row->count && !touches_twice(w, row))
    sim_fail(w, "job %lld: the gap from %s counts %lld instants, there are %lld", (long long)j->no,
             instant_to_text(row->due_ms).text, (long long)row->count, (long long)marked);
}

static void check_job(struct sim *w, const struct sim_job *j, int64_t until_ms) {
  struct instants all = {};
  expect(w, j, until_ms, &all);
  int64_t after = 0;
  bool has_more = true;
  while (has_more && !w->failure) {
    struct store_read *r = ask(w, READ_OCCURRENCES, j->no, after);
    for (size_t i = 0; i < r->count && !w->failure; i++) {
      const struct occurrence_row *o = &r->occurrences[i];
      if (getenv("SIM_ROWS"))
        sim_say(w, "job %lld version %lld %s +%lld s count %lld %s/%s", (long long)j->no,
                (long long)o->version, instant_to_text(o->due_ms).text,
                (long long)(o->last_ms - o->due_ms) / 1000, (long long)o->count,
                occurrence_state_text(o->state), reason_text(o->reason));
      mark(w, j, o, until_ms, &all);
    }
    has_more = r->has_more && r->count > 0;
    if (r->count > 0) after = r->occurrences[r->count - 1].due_ms;
    store_read_free(r);
  }
  for (size_t i = 0; i < all.count && !w->failure; i++)
    if (all.verdicts[i] != 1 && !sim_is_lived_twice(w, all.at[i]))
      sim_fail(w, "job %lld, %s has %d verdicts", (long long)j->no, instant_to_text(all.at[i]).text,
               all.verdicts[i]);
  free(all.at);
  free(all.verdicts);
}

static void check_wishes(struct sim *w) {
  for (size_t i = 0; i < w->wish_count && !w->failure; i++) {
    struct store_read *r = store_read_new(READ_RUN, sim_wall(w));
    r->no = w->wishes[i].run_no;
    enum err e = w->store->ops->read(w->store, r);
    bool is_there = e == ERR_OK && r->count == 1;
    if (is_there && !run_is_final((enum run_status)r->runs[0].run.status))
      sim_fail(w, "run %lld stays %s", (long long)r->no,
               run_status_text((enum run_status)r->runs[0].run.status));
    if (!is_there && !w->has_deleted) sim_fail(w, "run %lld was acknowledged, and is lost", (long long)r->no);
    store_read_free(r);
  }
}

static void check_audit(struct sim *w) {
  struct store_read *r = ask(w, READ_LEDGER_AUDIT, 0, 0);
  if (!w->failure && r->count > 0)
    sim_fail(w, "audit: %zu differences: %s %s %s", r->count, r->differences[0].job_name,
             r->differences[0].kind, r->differences[0].text);
  store_read_free(r);
}

/* Where the clock was set back, an instant may come at the very end: what waits for it, or has begun lately, may. */
static bool check_open(void *arg, const struct run *run, const struct job *job, size_t place) {
  struct sim *w = arg;
  (void)job;
  int64_t since_ms = place == 0 ? run->started_ms : run->not_before_ms;
  if (since_ms > sim_wall(w) - LATELY_MS) return true;
  sim_fail(w, "at the end run %lld of job %lld is still %s", (long long)run->no, (long long)run->job_no,
           run_status_text((enum run_status)run->status));
  return false;
}

void sim_check_end(struct sim *w) {
  if (!w->core) {
    sim_fail(w, "serve is down at the end");
    return;
  }
  struct sched_status s = sched_status(w->core);
  sched_each_run(w->core, check_open, w);
  if (s.is_store_down || !s.is_warden_up)
    sim_fail(w, "at the end: store down %d, warden up %d", s.is_store_down, s.is_warden_up);
  LIST_EACH (&w->entries, node) {
    const struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    if (e->started_ms > sim_wall(w) - LATELY_MS) continue;
    sim_fail(w, "run %lld of job %lld is %s in the journal for ever", (long long)e->run_no,
             (long long)e->job_no, e->life == SIM_LIVING ? "alive" : "not acknowledged");
  }
  int64_t until_ms = sim_wall(w) - 2 * SIM_MINUTE;
  for (size_t i = 0; i < w->job_count && !w->failure; i++) check_job(w, &w->jobs[i], until_ms);
  if (!w->failure) check_wishes(w);
  if (!w->failure && w->twice_from_ms == INSTANT_NEVER) check_audit(w);
}
