#include "api/alerts.h"

#include <stdlib.h>

#include "api/counters.h"
#include "api/render.h"
#include "live/live.h"
#include "model/policy.h"

#define ALERT_FAILURES 3                       /* */
#define ALERTS_KEPT_MS 10000                   /* edits and deletions of jobs show after it */
#define UNSAVED_AFTER_MS (INT64_C(15) * 60000) /* three turns of the job that saves worlds */
#define AWAY_AFTER_MS 60000
#define JOB_ALERTS_MAX LIMIT_PAGE /* of more than so many jobs the weightiest */
#define ALERTS_MAX (JOB_ALERTS_MAX + 8)

enum alert_kind {
  ALERT_CONSECUTIVE_FAILURES,
  ALERT_JOB_DISABLED,
  ALERT_WORLDS_UNSAVED,
  ALERT_WORLDS_AWAY,
  ALERT_LEDGER,
  ALERT_AUDIT_CHAIN
};
static const char *const kind_names[] = {
    "consecutive_failures", "job_disabled", "worlds_unsaved", "worlds_away", "ledger", "audit_chain", NULL};
enum severity { SEVERITY_WARNING, SEVERITY_CRITICAL };
static const char *const severity_names[] = {"warning", "critical", NULL};

struct alert {
  enum alert_kind kind;
  enum severity severity;
  const char *id, *job_id, *job_name, *text; /* job: NULL when it is about none */
  int64_t last_ms, count;
};

struct memory {
  char *id, *ack_by;
  int64_t first_ms, ack_ms;
};

struct alerts {
  struct arena arena; /* of what was found last */
  struct alert *found;
  size_t count;
  struct memory memories[ALERTS_MAX];
  size_t memory_count;
  int64_t away_since_ms;       /* the stores of the worlds; FIELD_NULL: they are there */
  bool is_loaded;              /* memories */
  int64_t made_ms;             /* FIELD_NULL: never */
  int64_t jobs;                /* in all, then */
  uint64_t made_from, changes; /* changes when it was asked for; counted */
  struct {
    int64_t found, at_ms;
  } proofs[2];
};

enum err alerts_new(struct alerts **ret) {
  struct alerts *a = calloc(1, sizeof *a);
  if (!a) return ERR_NO_MEMORY;
  a->arena = arena_new(LIMIT_ANSWER_BYTES / 8);
  a->made_ms = a->away_since_ms = a->jobs = FIELD_NULL;
  *ret = a;
  return ERR_OK;
}

static struct memory *memory_of(const struct alerts *a, const char *id) {
  for (size_t i = 0; i < a->memory_count; i++)
    if (strcmp(a->memories[i].id, id) == 0) return (struct memory *)(uintptr_t)&a->memories[i];
  return NULL;
}

static void forget(struct memory *m) {
  free(m->id);
  free(m->ack_by);
  *m = (struct memory){};
}

void alerts_free(struct alerts *a) {
  if (!a) return;
  for (size_t i = 0; i < a->memory_count; i++) forget(&a->memories[i]);
  arena_free(&a->arena);
  free(a);
}

void alerts_changed(struct api *api) {
  api->alerts->changes++;
  counters_touch(api->counters, COUNTERS_JOBS);
}

void alerts_note_proof(struct api *api, enum alerts_proof proof, int64_t found, int64_t now_ms) {
  api->alerts->proofs[proof].found = found;
  api->alerts->proofs[proof].at_ms = now_ms;
  alerts_changed(api);
}

int64_t alerts_open(const struct alerts *a) {
  int64_t n = 0;
  if (a->made_ms == FIELD_NULL) return FIELD_NULL;
  for (size_t i = 0; i < a->count; i++) {
    const struct memory *m = memory_of(a, a->found[i].id);
    if (!m || m->ack_ms == FIELD_NULL) n++;
  }
  return n;
}

int64_t alerts_jobs(const struct alerts *a) { return a->jobs; }

/* ---- what is remembered ---- */

static struct memory *memorise(struct alerts *a, const struct alert_memory *row) {
  struct memory *m = memory_of(a, row->id);
  if (!m && a->memory_count == ALERTS_MAX) return NULL;
  struct memory next = {.id = str_dup(str_of(row->id)),
                        .ack_by = row->ack_by ? str_dup(str_of(row->ack_by)) : NULL,
                        .first_ms = row->first_ms,
                        .ack_ms = row->ack_ms};
  if (!next.id || (row->ack_by && !next.ack_by)) {
    forget(&next);
    return NULL;
  }
  if (m) forget(m);
  else m = &a->memories[a->memory_count++];
  *m = next;
  return m;
}

static void written(void *arg, const struct engine_answer *answer) {
  (void)arg;
  (void)answer; /* not remembered: then first seen is later after a restart */
}

static struct change *change_of(struct api *api, enum change_kind kind, const struct alert_memory *m) {
  struct change *c = change_new(kind, engine_now_ms(api->engine));
  if (!c) return NULL;
  c->epoch = engine_epoch(api->engine);
  c->alert = (struct alert_memory){.id = arena_strdup(&c->arena, str_of(m->id)),
                                   .ack_by = m->ack_by ? arena_strdup(&c->arena, str_of(m->ack_by)) : NULL,
                                   .first_ms = m->first_ms,
                                   .ack_ms = m->ack_ms};
  if (!arena_error(&c->arena)) return c;
  change_free(c);
  return NULL;
}

static void write_behind(struct api *api, enum change_kind kind, const struct alert_memory *m) {
  struct change *c = change_of(api, kind, m);
  if (c) engine_write(api->engine, c, written, NULL);
}

static bool is_found(const struct alerts *a, const char *id) {
  for (size_t i = 0; i < a->count; i++)
    if (strcmp(a->found[i].id, id) == 0) return true;
  return false;
}

/* What is new gets its row, what is over loses it. */
static void reconcile(struct api *api, bool is_whole) {
  struct alerts *a = api->alerts;
  for (size_t i = 0; i < a->count; i++) {
    if (memory_of(a, a->found[i].id)) continue;
    struct alert_memory row = {.id = a->found[i].id, .first_ms = a->found[i].last_ms, .ack_ms = FIELD_NULL};
    if (memorise(a, &row)) write_behind(api, CHANGE_ALERT, &row);
  }
  for (size_t i = a->memory_count; is_whole && i-- > 0;) {
    struct memory *m = &a->memories[i];
    if (is_found(a, m->id)) continue;
    write_behind(api, CHANGE_ALERT_DELETE, &(struct alert_memory){.id = m->id});
    forget(m);
    *m = a->memories[--a->memory_count];
  }
}

/* ---- finding ---- */

/* One who looks; the memories are read first, once, then the jobs page by page. */
struct look {
  struct api *api;
  alerts_looked_fn *fn;
  void *arg;
  struct arena arena;
  struct alert *found; /* of jobs, so far */
  size_t count;
  bool is_cut; /* there were more */
  char after[LIMIT_NAME_BYTES + 1];
};

/* About no job. */
static void add(struct alerts *a, struct alert alert) {
  ASSERT(a->count < ALERTS_MAX);
  alert.id = kind_names[alert.kind];
  if (alert.text) a->found[a->count++] = alert;
}

static int by_weight(const void *x, const void *y) {
  const struct alert *a = x, *b = y;
  if (a->severity != b->severity) return a->severity > b->severity ? -1 : 1;
  if (a->last_ms != b->last_ms) return a->last_ms > b->last_ms ? -1 : 1;
  return strcmp(a->id, b->id);
}

/* When it last failed, as far as one read tells: while the job runs again, when that began. */
static int64_t seen_ms(const struct run *last, int64_t now_ms) {
  if (last->finished_ms != FIELD_NULL) return last->finished_ms;
  return last->started_ms != FIELD_NULL ? last->started_ms : now_ms;
}

/* Instead of the least, when it weighs more. */
static void add_to(struct look *l, const struct alert *alert) {
  if (l->count < JOB_ALERTS_MAX) {
    l->found[l->count++] = *alert;
    return;
  }
  struct alert *least = &l->found[0];
  for (size_t i = 1; i < l->count; i++)
    if (by_weight(&l->found[i], least) > 0) least = &l->found[i];
  if (by_weight(alert, least) < 0) *least = *alert;
  l->is_cut = true;
}

static void add_job(struct look *l, const struct job_row *row) {
  const struct job *job = row->job;
  int64_t now_ms = engine_now_ms(l->api->engine);
  if (job->failures == FIELD_NULL || job->failures < ALERT_FAILURES) return;
  if (row->has_last_run && row->last_run.status == RUN_SUCCESS) return;
  struct policy policy = policy_resolve(job, engine_settings(l->api->engine));
  bool is_disabled = job->is_active != 1 && policy.disable_after > 0 && job->failures >= policy.disable_after;
  bool is_bad = is_disabled || policy.is_critical ||
                (policy.escalate_after > 0 && job->failures >= policy.escalate_after);
  struct alert alert = {.kind = is_disabled ? ALERT_JOB_DISABLED : ALERT_CONSECUTIVE_FAILURES,
                        .severity = is_bad ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                        .job_id = arena_strdup(&l->arena, str_of(job->id)),
                        .job_name = arena_strdup(&l->arena, str_of(job->name)),
                        .text = is_disabled
                                    ? arena_printf(&l->arena, "%s was disabled after %lld failures in a row",
                                                   job->name, (long long)job->failures)
                                    : arena_printf(&l->arena, "%s failed %lld times consecutively", job->name,
                                                   (long long)job->failures),
                        .last_ms = row->has_last_run ? seen_ms(&row->last_run, now_ms) : now_ms,
                        .count = job->failures};
  alert.id = arena_printf(&l->arena, "%s.%s", kind_names[alert.kind], job->id);
  if (alert.id && alert.job_id && alert.job_name && alert.text) add_to(l, &alert);
  else l->is_cut = true;
}

static void add_worlds(struct api *api) {
  struct alerts *a = api->alerts;
  int64_t now_ms = engine_now_ms(api->engine);
  struct engine_worlds worlds = engine_worlds(api->engine);
  if (worlds.is_there || a->away_since_ms == FIELD_NULL)
    a->away_since_ms = worlds.is_there ? FIELD_NULL : now_ms;
  if (a->away_since_ms != FIELD_NULL && now_ms - a->away_since_ms >= AWAY_AFTER_MS)
    add(a, (struct alert){
               .kind = ALERT_WORLDS_AWAY,
               .severity = SEVERITY_CRITICAL,
               .last_ms = now_ms,
               .count = 1,
               .text = arena_printf(&a->arena, "the stores of the worlds do not answer: %s", worlds.why)});
  int64_t oldest_ms = worlds.has_live ? worlds.live.oldest_dirty_ms : INSTANT_NONE;
  if (oldest_ms == INSTANT_NONE || now_ms - oldest_ms < UNSAVED_AFTER_MS) return;
  add(a,
      (struct alert){.kind = ALERT_WORLDS_UNSAVED,
                     .severity = SEVERITY_CRITICAL,
                     .last_ms = now_ms,
                     .count = worlds.live.dirty_worlds,
                     .text = arena_printf(&a->arena, "worlds wait to be saved, the oldest for %lld minutes",
                                          (long long)(now_ms - oldest_ms) / 60000)});
}

static void add_proofs(struct alerts *a) {
  long long differences = a->proofs[ALERTS_LEDGER].found, row = a->proofs[ALERTS_CHAIN].found;
  struct alert alert = {.severity = SEVERITY_CRITICAL, .count = 1};
  if (row) {
    alert.kind = ALERT_AUDIT_CHAIN;
    alert.last_ms = a->proofs[ALERTS_CHAIN].at_ms;
    alert.text = arena_printf(&a->arena, "the audit log does not fit its chain from row %lld on", row);
    add(a, alert);
  }
  if (differences) {
    alert.kind = ALERT_LEDGER;
    alert.last_ms = a->proofs[ALERTS_LEDGER].at_ms;
    alert.count = differences;
    alert.text = arena_printf(&a->arena, "the proof of the ledger found %lld differences", differences);
    add(a, alert);
  }
}

/* What the look has found takes the place of what was. */
static void find_all(struct look *l, const struct store_read *read) {
  struct api *api = l->api;
  struct alerts *a = api->alerts;
  arena_free(&a->arena);
  a->arena = l->arena;
  a->found = l->found;
  a->count = l->count;
  l->arena = arena_new(0);
  add_worlds(api);
  add_proofs(a);
  qsort(a->found, a->count, sizeof *a->found, by_weight);
  a->made_ms = read->now_ms;
  a->jobs = read->total;
  reconcile(api, !l->is_cut);
}

static bool is_fresh(const struct alerts *a, int64_t now_ms) {
  int64_t age_ms = a->made_ms == FIELD_NULL ? ALERTS_KEPT_MS : now_ms - a->made_ms;
  return a->made_from == a->changes && age_ms >= 0 && age_ms < ALERTS_KEPT_MS;
}

static void looked(struct look *l, enum err e, const struct err_detail *detail) {
  static const struct err_detail none;
  struct look done = *l;
  arena_free(&l->arena);
  free(l);
  done.fn(done.arg, e, detail ? detail : &none);
}

static void read_jobs(struct look *l);

static void on_jobs(void *arg, struct store_read *read) {
  struct look *l = arg;
  for (size_t i = 0; read->error == ERR_OK && i < read->count; i++) add_job(l, &read->jobs[i]);
  if (read->error == ERR_OK && read->has_more && read->count > 0) {
    str_copy(l->after, sizeof l->after, str_of(read->jobs[read->count - 1].job->name));
    read_jobs(l);
    return;
  }
  if (read->error == ERR_OK) find_all(l, read);
  looked(l, read->error, &read->detail);
}

static void read_jobs(struct look *l) {
  struct store_read *r = store_read_new(READ_JOBS, engine_now_ms(l->api->engine));
  if (!l->found) l->found = ARENA_ARRAY(&l->arena, struct alert, ALERTS_MAX);
  if (!r || !l->found) {
    store_read_free(r);
    looked(l, ERR_NO_MEMORY, NULL);
    return;
  }
  r->is_active = -1;
  r->failures_min = ALERT_FAILURES;
  r->after_text = str_of(l->after);
  r->limit = LIMIT_PAGE;
  engine_read(l->api->engine, r, on_jobs, l);
}

static void begin_looking(struct look *l) {
  struct alerts *a = l->api->alerts;
  a->made_from = a->changes;
  read_jobs(l);
}

static void on_memories(void *arg, struct store_read *read) {
  struct look *l = arg;
  struct alerts *a = l->api->alerts;
  if (read->error != ERR_OK) {
    looked(l, read->error, &read->detail);
    return;
  }
  for (size_t i = 0; !a->is_loaded && i < read->count; i++) (void)memorise(a, &read->alerts[i]);
  a->is_loaded = true;
  begin_looking(l);
}

void alerts_look(struct api *api, alerts_looked_fn *fn, void *arg) {
  static const struct err_detail none;
  const struct alerts *a = api->alerts;
  if (is_fresh(a, engine_now_ms(api->engine))) {
    fn(arg, ERR_OK, &none);
    return;
  }
  struct look *l = calloc(1, sizeof *l);
  struct store_read *r = a->is_loaded ? NULL : store_read_new(READ_ALERTS, engine_now_ms(api->engine));
  if (!l || (!r && !a->is_loaded)) {
    free(l);
    fn(arg, ERR_NO_MEMORY, &none);
    return;
  }
  *l = (struct look){.api = api, .fn = fn, .arg = arg, .arena = arena_new(LIMIT_ANSWER_BYTES / 8)};
  if (r) engine_read(api->engine, r, on_memories, l);
  else begin_looking(l);
}

struct finding {
  struct call *call;
  alerts_fn *fn;
};

static void on_found(void *arg, enum err e, const struct err_detail *detail) {
  struct finding *f = arg;
  if (e == ERR_OK) {
    f->fn(f->call);
    return;
  }
  f->call->detail = *detail;
  call_fail(f->call, e);
}

void alerts_find(struct call *c, alerts_fn *fn) {
  struct finding *f = ARENA_NEW(&c->req->arena, struct finding);
  if (!f) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  *f = (struct finding){c, fn};
  alerts_look(c->api, on_found, f);
}

/* ---- answers ---- */

SHAPE_OF(alert, "Alert", 0, OUT("id", TEXT, 0, ""), OUT_ENUM("type", 0, kind_names, ""),
         OUT_ENUM("severity", 0, severity_names, ""),
         OUT("jobId", TEXT, FIELD_NULLABLE, "null: about no job"), OUT("jobName", TEXT, FIELD_NULLABLE, ""),
         OUT("count", INT, 0, "failed chains in a row, worlds, differences"),
         OUT("text", TEXT, 0, "in English"), OUT("firstSeen", INSTANT, 0, "when the server first noticed it"),
         OUT("lastSeen", INSTANT, 0, "when it was last so"),
         OUT("ackBy", TEXT, FIELD_NULLABLE, "who has taken notice"),
         OUT("ackAt", INSTANT, FIELD_NULLABLE, ""));
static const struct shape_part alerts_answer_parts[] = {{"data", &alert_shape, PART_LIST}};
SHAPE_PARTS(alerts_answer, "Alerts", NULL, alerts_answer_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

static void write_alert(const struct alerts *a, const struct alert *alert, struct json_writer *w) {
  const struct memory *m = memory_of(a, alert->id);
  jw_object(w);
  jw_ktext(w, "id", alert->id);
  jw_ktext(w, "type", kind_names[alert->kind]);
  jw_ktext(w, "severity", severity_names[alert->severity]);
  jw_ktext(w, "jobId", alert->job_id);
  jw_ktext(w, "jobName", alert->job_name);
  jw_kint(w, "count", alert->count);
  jw_ktext(w, "text", alert->text);
  jw_kinstant(w, "firstSeen", m ? m->first_ms : alert->last_ms);
  jw_kinstant(w, "lastSeen", alert->last_ms);
  jw_ktext(w, "ackBy", m ? m->ack_by : NULL);
  jw_key(w, "ackAt");
  if (m && m->ack_ms != FIELD_NULL) jw_instant(w, m->ack_ms);
  else jw_null(w);
  jw_object_end(w);
}

void alerts_write(const struct alerts *a, struct json_writer *w) {
  jw_array(w);
  for (size_t i = 0; i < a->count; i++) write_alert(a, &a->found[i], w);
  jw_array_end(w);
}

static void answer_all(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_key(w, "data");
  alerts_write(c->api->alerts, w);
  jw_ktext(w, "nextCursor", NULL);
  jw_object_end(w);
  call_end(c, 200);
}

void alerts_get(struct call *c) { alerts_find(c, answer_all); }

static const struct alert *named(const struct call *c) {
  const struct alerts *a = c->api->alerts;
  for (size_t i = 0; i < a->count; i++)
    if (str_eq(str_of(a->found[i].id), c->args[0])) return &a->found[i];
  return NULL;
}

static void answer_one(struct call *c, const struct engine_answer *answer) {
  (void)memorise(c->api->alerts, &answer->change->alert);
  counters_touch(c->api->counters, COUNTERS_JOBS);
  const struct alert *alert = named(c);
  if (!alert) {
    call_refuse(c, ERR_NOT_FOUND, "id", "this alert is over");
    return;
  }
  write_alert(c->api->alerts, alert, call_begin(c));
  call_end(c, 200);
}

/* DELETE takes the notice back. */
static void take_notice(struct call *c) {
  const struct alert *alert = named(c);
  bool is_back = c->req->method == HTTP_DELETE;
  struct memory *m = alert ? memory_of(c->api->alerts, alert->id) : NULL;
  if (!m) {
    call_refuse(c, ERR_NOT_FOUND, "id", "there is no such alert now");
    return;
  }
  struct alert_memory next = {.id = m->id,
                              .first_ms = m->first_ms,
                              .ack_ms = is_back ? FIELD_NULL : call_now_ms(c),
                              .ack_by = is_back ? NULL : c->who.actor};
  struct change *change = change_of(c->api, CHANGE_ALERT, &next);
  if (!change) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  call_note(c, change, is_back ? "alert.unack" : "alert.ack", arena_printf(&c->req->arena, "alert:%s", m->id),
            NULL, NULL);
  call_write(c, change, answer_one);
}

void alert_ack(struct call *c) { alerts_find(c, take_notice); }
void alert_unack(struct call *c) { alerts_find(c, take_notice); }
