/* POST /api/cron/jobs/test and …/:job/test: what is not saved runs once, so that one sees what it does. It is a real run
 * on the real path, and on record: the definition is kept as a job of its own that nobody sees, inactive and under a
 * name nobody has (job_is_test), so a crash in the middle is settled like any other, and retention takes it away. */
#include "api/api_jobs.h"
#include "api/job_edit.h"
#include "api/render.h"
#include "model/policy.h"

#define TEST_SECONDS_MAX 900 /* nobody waits longer for a try; longer ones are for a saved job */
#define TEST_QUEUE_SECONDS 300
#define TEST_NAME_BYTES 160 /* of the name that was given; the rest tells it apart */
#define TEST_MARK_CHARS 10  /* of a new id's end */

static int64_t least_of(int64_t given, int64_t most) {
  return given == FIELD_NULL || given > most ? most : given;
}

/* At most `max` bytes, whole characters. */
static struct str cut(const char *text, size_t max) {
  struct str s = str_of(text);
  if (s.len <= max) return s;
  for (s.len = max; s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80;) s.len--;
  return str_trim(s);
}

static const char *hidden_name(struct call *c, const char *name) {
  struct id_text id = id_to_text(id_next(&c->api->ids, call_now_ms(c)));
  return arena_printf(&c->req->arena, "%.*s (test %s)", STR_ARG(cut(name, TEST_NAME_BYTES)),
                      id.text + ID_TEXT_LEN - TEST_MARK_CHARS);
}

/* Once, soon, not for long; it disturbs no run of the job and alerts nobody. Groups, pools and limits hold. */
static enum err hide(struct call *c, struct job *job) {
  const struct settings *settings = engine_settings(c->api->engine);
  job->no = job->version = 0;
  job->id = NULL;
  job->name = hidden_name(c, job->name);
  job->is_active = 0;
  job->disabled_reason = JOB_TEST_MARK;
  job->created_ms = job->updated_ms = job->last_run_ms = job->next_run_ms = FIELD_NULL;
  job->anchor_ms = job->failures = job->seed = FIELD_NULL;
  job->retries = 0;
  job->disable_after = 0;
  job->alert_on_failure = 0;
  job->critical = FIELD_NULL;
  job->on_crash = CRASH_FAIL;
  job->allow_concurrent = 1;
  job->timeout =
      least_of(job->timeout == FIELD_NULL ? settings->default_timeout : job->timeout, TEST_SECONDS_MAX);
  job->max_runtime = least_of(job->max_runtime, job->timeout + POLICY_GRACE_MS / 1000);
  job->queue_timeout = least_of(job->queue_timeout, TEST_QUEUE_SECONDS);
  job->total_timeout = FIELD_NULL;
  return job->name ? ERR_OK : ERR_NO_MEMORY;
}

static void kept(struct call *c, const struct engine_answer *answer) {
  struct job *saved = job_ref(answer->change->job.saved);
  job_unref(c->job);
  c->job = saved;
  job_start(c, &(struct run_order){.trigger = TRIGGER_TEST,
                                   .wait_s = prefer_wait_s(http_request_header(c->req, "Prefer")),
                                   .status = 202});
}

/* draft's texts live as long as the call. */
static void try_out(struct call *c, const struct job *old, const struct job *draft) {
  struct change *change = NULL;
  enum err e = job_check(c, old, draft);
  if (e == ERR_OK) change = call_new_change(c, CHANGE_JOB_SAVE);
  if (e == ERR_OK && !change) return;
  struct job hidden;
  memcpy(&hidden, draft, sizeof hidden);
  if (e == ERR_OK) e = hide(c, &hidden);
  if (e == ERR_OK && !(change->job.job = job_copy(&hidden))) e = ERR_NO_MEMORY;
  if (e != ERR_OK) {
    change_free(change);
    call_fail(c, e);
    return;
  }
  change->job.if_updated_ms = FIELD_NULL;
  call_note(c, change, "job.test", arena_printf(&c->req->arena, "job:%s", hidden.name), NULL,
            render_job_audit(draft, &RENDER(c)));
  call_edit(c, change, kept);
}

void job_test_new(struct call *c) {
  struct job draft;
  enum err e = job_draft_new(c, &draft);
  if (e == ERR_OK) try_out(c, NULL, &draft);
  else call_fail(c, e);
}

void job_test(struct call *c) {
  struct job *draft = NULL;
  enum err e = job_draft_edit(c, c->job, &draft);
  if (e == ERR_OK) try_out(c, c->job, draft);
  else call_fail(c, e);
  job_unref(draft);
}
