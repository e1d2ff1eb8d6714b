#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/engine_private.h"
#include "app/log_names.h"
#include "base/id.h"
#include "base/log.h"
#include "model/policy.h"

#define ALERT_AFTER 3 /* failed chains in a row */
#define NOTE_FIELDS_MAX 24
#define DAY_MS (24LL * 3600 * 1000)
#define CLOCK_DOUBT_MS (10LL * 60 * 1000) /* nothing is caught up for so long (DESIGN 5) */

/* The numbers and texts of a result object become fields of the line: worldsCleaned=1. */
struct result_fields {
  json_t *parsed;
  struct log_field fields[NOTE_FIELDS_MAX];
  size_t count;
};

static void add_field(struct result_fields *f, struct log_field field) {
  if (f->count < NOTE_FIELDS_MAX - 1) f->fields[f->count++] = field;
}

static void add_result(struct result_fields *f, const char *result) {
  if (!result || json_parse(str_of(result), &f->parsed, NULL) != ERR_OK) return;
  const char *key;
  json_t *value;
  json_object_foreach(f->parsed, key, value) {
    if (json_is_integer(value)) add_field(f, LF_INT(key, json_integer_value(value)));
    else if (json_is_real(value)) add_field(f, LF_REAL(key, json_real_value(value)));
    else if (json_is_boolean(value)) add_field(f, LF_BOOL(key, json_is_true(value)));
    else if (json_is_string(value)) add_field(f, LF_TEXT(key, json_string_value(value)));
  }
}

static enum log_level level_of(const struct run *run) {
  if (run->status == RUN_RUNNING || run->status == RUN_QUEUED) return LOG_INFO;
  if (run_is_failure((enum run_status)run->status)) return LOG_ERROR;
  return run->status == RUN_CANCELLED ? LOG_WARN : LOG_INFO;
}

static void message_of(const struct run *run, const char *job_name, char *ret, size_t size) {
  char title[LIMIT_NAME_BYTES + 8];
  log_job_title(job_name, title, sizeof title);
  switch ((enum run_status)run->status) {
    case RUN_RUNNING: snprintf(ret, size, "%s started", title); break;
    case RUN_SUCCESS: snprintf(ret, size, "✅ %s completed", title); break;
    case RUN_FAILED:
    case RUN_TIMEOUT:
    case RUN_LOST: snprintf(ret, size, "❌ Job failed"); break;
    default: snprintf(ret, size, "%s %s", title, run_status_names[run->status]); break;
  }
}

/* Start, end, errors and metrics of every run, with the same executionId. */
static void log_run(const struct run *run, const struct job *job) {
  const char *name = job ? job->name : "deleted";
  char component[LIMIT_NAME_BYTES + 8], message[LIMIT_NAME_BYTES + 40];
  log_component(name, component, sizeof component);
  message_of(run, name, message, sizeof message);
  struct id_text id = id_to_text(run->no);
  struct result_fields f = {};
  add_field(&f, LF_TEXT("executionId", id.text));
  add_field(&f, LF_TEXT("job", name));
  add_field(&f, LF_INT("attempt", run->attempt));
  if (run->trigger != FIELD_NULL) add_field(&f, LF_TEXT("triggeredBy", run_trigger_names[run->trigger]));
  if (run_is_final((enum run_status)run->status)) {
    add_field(&f, LF_TEXT("status", run_status_names[run->status]));
    if (run->reason != FIELD_NULL) add_field(&f, LF_TEXT("reason", reason_names[run->reason]));
    if (run->duration_ms != FIELD_NULL) add_field(&f, LF_INT("duration", run->duration_ms));
    if (run->exit_code != FIELD_NULL) add_field(&f, LF_INT("exitCode", run->exit_code));
    if (run->error_message) add_field(&f, LF_TEXT("error", run->error_message));
    add_result(&f, run->result);
  }
  f.fields[f.count] = (struct log_field){};
  log_fields(level_of(run), component, message, f.fields);
  json_decref(f.parsed);
}

/* The alert's text is the seed's; the escalation comes once, when the job's or the settings' limit is met. */
static void log_failures(const struct engine *e, const struct sched_note *note) {
  if (!note->job) return;
  bool is_escalation = note->failures == policy_resolve(note->job, engine_settings(e)).escalate_after;
  if (note->failures != ALERT_AFTER && !is_escalation) return;
  char message[LIMIT_NAME_BYTES + 80];
  snprintf(message, sizeof message, "🚨 %s: %s failed %lld times consecutively!",
           note->failures == ALERT_AFTER ? "ALERT" : "ESCALATION", note->job->name,
           (long long)note->failures);
  log_line(LOG_CRITICAL, "CronManager", message, LF_TEXT("job", note->job->name),
           LF_INT("failures", note->failures));
}

static void log_occurrence(const struct sched_note *note) {
  if (!note->job) return;
  char component[LIMIT_NAME_BYTES + 8];
  log_component(note->job->name, component, sizeof component);
  log_line(note->state == OCCURRENCE_MISSED ? LOG_WARN : LOG_INFO, component,
           note->state == OCCURRENCE_MISSED ? "occurrence missed" : "occurrence skipped",
           LF_TEXT("job", note->job->name), LF_TEXT("dueAt", instant_to_text(note->due_ms).text),
           LF_TEXT("reason", reason_names[note->reason]));
}

static void log_gap(const struct gap *gap, const struct job *job) {
  log_line(gap->state == OCCURRENCE_MISSED ? LOG_WARN : LOG_INFO, "CronManager",
           gap->state == OCCURRENCE_MISSED ? "occurrences missed" : "occurrences skipped",
           LF_TEXT("job", job ? job->name : NULL), LF_INT("jobNo", gap->job_no), LF_INT("count", gap->count),
           LF_TEXT("first", instant_to_text(gap->first_ms).text),
           LF_TEXT("last", instant_to_text(gap->last_ms).text), LF_TEXT("reason", reason_names[gap->reason]));
}

void engine_note(struct engine *e, const struct sched_note *note) {
  switch (note->kind) {
    case SCHED_NOTE_RUN:
      log_run(note->run, note->job);
      engine_publish_run(e, note->run, note->job);
      engine_tell_waits(e, note->run);
      if (run_is_final((enum run_status)note->run->status)) e->retention_due = true;
      break;
    case SCHED_NOTE_OCCURRENCE: log_occurrence(note); break;
    case SCHED_NOTE_GAP:
      if (note->gap) log_gap(note->gap, note->job);
      break;
    case SCHED_NOTE_FAILURES: log_failures(e, note); break;
    case SCHED_NOTE_RECOVERED:
      if (note->job)
        log_line(LOG_INFO, "CronManager", "job succeeds again", LF_TEXT("job", note->job->name),
                 LF_INT("failuresBefore", note->failures));
      break;
    case SCHED_NOTE_DISABLED:
      if (!note->job) break;
      log_line(LOG_CRITICAL, "CronManager", "job disabled after failures in a row",
               LF_TEXT("job", note->job->name), LF_INT("failures", note->failures));
      engine_publish_job(e, note->job->no, note->job, "disabled");
      break;
    case SCHED_NOTE_CLOCK:
      if (note->at_ms > DAY_MS) e->clock_wrong_until_ms = engine_now_ms(e) + CLOCK_DOUBT_MS;
      log_line(LOG_WARN, "CronManager", "the clock was set", LF_INT("byMs", note->at_ms));
      engine_publish_status(e);
      break;
    case SCHED_NOTE_STORE_DOWN:
      e->is_store_down = true;
      log_line(LOG_ERROR, "Store", "the store cannot be written: nothing new starts until it can");
      engine_publish_status(e);
      break;
    case SCHED_NOTE_STORE_UP:
      e->is_store_down = false;
      log_line(LOG_INFO, "Store", "the store can be written again");
      engine_publish_status(e);
      break;
  }
  if (e->on_note) e->on_note(e->on_note_arg, note);
}
