#include "tests/support/store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/id.h"

static void open_backend(struct harness *h) {
  struct err_detail detail = {};
  enum err e = h->kind == HARNESS_MEM      ? store_mem_open(&h->config, &h->backend, &h->boot, &detail)
               : h->kind == HARNESS_SQLITE ? store_sqlite_open(&h->config, &h->backend, &h->boot, &detail)
                                           : store_pg_open(&h->config, &h->backend, &h->boot, &detail);
  if (e != ERR_OK) fail_msg("open: %s: %s", err_code(e), detail.message);
}

void harness_open(struct harness *h, enum harness_kind kind) {
  *h = (struct harness){.kind = kind, .now_ms = NOON, .folder = "/tmp/sereno-store-XXXXXX"};
  if (access("/dev/shm", W_OK) == 0) snprintf(h->folder, sizeof h->folder, "/dev/shm/sereno-store-XXXXXX");
  h->config = (struct store_config){.now_ms = NOON, .boot_id = "00000000-0000-0000-0000-000000000001"};
  if (kind == HARNESS_SQLITE) {
    assert_non_null(mkdtemp(h->folder));
    h->config.folder = h->folder;
  }
  if (kind == HARNESS_PG) {
    pg_fixture_schema(h->url);
    h->config.url = h->url;
    h->config.timeout_ms = 5000;
  }
  open_backend(h);
}

static void remove_folder(const char *folder) {
  char path[512];
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] != '.') unlink(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

void harness_close(struct harness *h) {
  store_boot_free(&h->boot);
  if (h->backend) h->backend->ops->close(h->backend);
  h->backend = NULL;
  if (h->config.folder) remove_folder(h->folder);
  if (h->config.url) pg_fixture_drop(h->url);
}

void harness_reopen(struct harness *h, int64_t now_ms, const char *boot_id) {
  store_boot_free(&h->boot);
  h->now_ms = h->config.now_ms = now_ms;
  if (boot_id) h->config.boot_id = boot_id;
  if (h->kind == HARNESS_MEM) {
    CHECK_OK(store_mem_reopen(h->backend, &h->config, &h->boot, NULL));
    return;
  }
  h->backend->ops->close(h->backend);
  open_backend(h);
}

enum err harness_apply(struct harness *h, struct change *c) {
  assert_non_null(c);
  enum err e = h->backend->ops->apply(h->backend, &c, 1);
  if (e != ERR_OK) assert_int_equal(c->error, e);
  return c->error;
}

void harness_do(struct harness *h, struct change *c) {
  enum err e = harness_apply(h, c);
  if (e != ERR_OK) fail_msg("change %d: %s: %s", (int)c->kind, err_code(e), c->detail.message);
  change_free(c);
}

struct job harness_definition(const char *name, const char *schedule) {
  struct job job;
  job_init(&job);
  job.name = name;
  job.schedule = schedule;
  job.command = "shell";
  job.timezone = "UTC";
  return job;
}

struct change *harness_save(struct harness *h, const struct job *job) {
  struct change *c = change_new(CHANGE_JOB_SAVE, h->now_ms);
  assert_non_null(c);
  c->job.job = job_copy(job);
  c->job.if_updated_ms = FIELD_NULL;
  c->job.from_ms = c->job.until_ms = h->now_ms;
  return c;
}

int64_t harness_job(struct harness *h, const char *name, const char *schedule) {
  struct job job = harness_definition(name, schedule);
  struct change *c = harness_save(h, &job);
  enum err e = harness_apply(h, c);
  if (e != ERR_OK) fail_msg("%s: %s", schedule, c->detail.message);
  int64_t no = c->job.saved->no;
  change_free(c);
  return no;
}

struct change *harness_claim(struct harness *h, int64_t until_ms) {
  struct change *c = change_new(CHANGE_CLAIM, h->now_ms);
  assert_non_null(c);
  c->claim.until_ms = until_ms;
  c->claim.late_reason = REASON_SERVER_DOWN;
  return c;
}

struct change *harness_gate(struct harness *h, enum gate_scope scope, int64_t job_no, enum gate gate) {
  struct change *c = change_new(CHANGE_GATE, h->now_ms);
  assert_non_null(c);
  c->gate.scope = scope;
  c->gate.job_no = job_no;
  c->gate.gate = gate;
  c->gate.gate_until_ms = INSTANT_NEVER;
  c->gate.until_ms = h->now_ms;
  return c;
}

int64_t harness_next_run_no(struct harness *h) {
  struct id_maker maker = {.last = h->last_run};
  return h->last_run = id_next(&maker, h->now_ms);
}

struct change *harness_settings(struct harness *h, const struct settings *s) {
  struct change *c = change_new(CHANGE_SETTINGS, h->now_ms);
  c->settings.settings = settings_copy(s);
  c->settings.if_updated_ms = FIELD_NULL;
  c->settings.until_ms = h->now_ms;
  return c;
}

struct change *harness_run(struct harness *h, enum change_kind kind, int64_t run_no, int64_t job_no,
                           int64_t due_ms) {
  struct change *c = change_new(kind, h->now_ms);
  assert_non_null(c);
  struct run *run = &c->run.run;
  run_init(run);
  run->no = run_no;
  run->job_no = c->run.job_no = job_no;
  run->due_ms = c->run.due_ms = due_ms;
  run->trigger = due_ms == INSTANT_NONE ? TRIGGER_MANUAL : TRIGGER_SCHEDULE;
  run->status = kind == CHANGE_QUEUE ? RUN_QUEUED : kind == CHANGE_START ? RUN_RUNNING : RUN_SUCCESS;
  run->queued_ms = kind == CHANGE_QUEUE ? h->now_ms : FIELD_NULL;
  run->started_ms = h->now_ms;
  run->version = 1;
  if (kind == CHANGE_END) {
    run->finished_ms = h->now_ms + 5;
    run->duration_ms = 5;
    run->lag_ms = 1;
    run->exit_code = 0;
    run->output = "done\n";
    c->run.reason = REASON_SUCCESS;
    run->reason = REASON_SUCCESS;
    c->run.state = OCCURRENCE_RAN;
    c->run.chain = 1;
  }
  c->run.has_run = true;
  return c;
}

size_t harness_work(struct harness *h, enum run_status status) {
  struct change *claim = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, claim));
  size_t count = claim->claimed.count;
  for (size_t i = 0; i < count; i++) {
    const struct claim *c = &claim->claimed.claims[i];
    int64_t no = harness_next_run_no(h);
    struct change *start = harness_run(h, CHANGE_START, no, c->job->no, c->due_ms);
    struct change *end = harness_run(h, CHANGE_END, no, c->job->no, c->due_ms);
    start->run.run.version = end->run.run.version = c->job->version;
    end->run.run.status = status;
    if (status != RUN_SUCCESS) end->run.reason = end->run.run.reason = REASON_FAILED, end->run.chain = -1;
    harness_do(h, start);
    harness_do(h, end);
  }
  change_free(claim);
  return count;
}

void harness_touch(struct harness *h) {
  bool has_more = true;
  while (has_more) CHECK_OK(h->backend->ops->touch(h->backend, h->now_ms, &has_more));
}

struct store_read *harness_read(struct harness *h, enum store_read_kind kind) {
  struct store_read *r = store_read_new(kind, h->now_ms);
  assert_non_null(r);
  return r;
}

void harness_ask(struct harness *h, struct store_read *r) {
  enum err e = h->backend->ops->read(h->backend, r);
  if (e != ERR_OK) fail_msg("read %d: %s: %s", (int)r->kind, err_code(e), r->detail.message);
}

struct job *harness_get_job(struct harness *h, int64_t job_no) {
  struct store_read *r = harness_read(h, READ_JOB);
  r->no = job_no;
  harness_ask(h, r);
  struct job *job = job_ref(r->jobs[0].job);
  store_read_free(r);
  return job;
}

const char *harness_ledger(struct harness *h, int64_t job_no) {
  static char text[8192];
  struct store_read *r = harness_read(h, READ_OCCURRENCES);
  size_t at = 0;
  r->no = job_no;
  harness_ask(h, r);
  text[0] = 0;
  for (size_t i = r->count; i-- > 0 && at < sizeof text - 200;) {
    const struct occurrence_row *o = &r->occurrences[i];
    struct instant_text first = instant_to_text(o->due_ms), last = instant_to_text(o->last_ms);
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%.8s", at ? "; " : "", first.text + 11);
    if (o->count > 1)
      at += (size_t)snprintf(text + at, sizeof text - at, "-%.8s x%lld", last.text + 11, (long long)o->count);
    at += (size_t)snprintf(text + at, sizeof text - at, " %s%s%s", occurrence_state_text(o->state),
                           o->reason ? "/" : "", o->reason ? reason_text(o->reason) : "");
  }
  store_read_free(r);
  return text;
}

const char *harness_audit(struct harness *h) {
  static char text[2048];
  size_t at = 0;
  struct store_read *r = harness_read(h, READ_LEDGER_AUDIT);
  harness_ask(h, r);
  text[0] = 0;
  for (size_t i = 0; i < r->count && at < sizeof text - 100; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", r->differences[i].kind);
  store_read_free(r);
  return text;
}

void harness_finish_claims(struct harness *h, int64_t job_no) {
  struct store_read *r = harness_read(h, READ_OCCURRENCES);
  r->no = job_no;
  harness_ask(h, r);
  for (size_t i = 0; i < r->count; i++)
    if (r->occurrences[i].state == OCCURRENCE_PENDING)
      harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), job_no, r->occurrences[i].due_ms));
  store_read_free(r);
}
