#include "api/metrics.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check.h"

static struct run ended(int64_t job_no, enum run_status status) {
  struct run r;
  run_init(&r);
  r.job_no = job_no;
  r.status = status;
  r.trigger = TRIGGER_SCHEDULE;
  r.due_ms = 1000;
  r.duration_ms = 70;
  return r;
}

static void note(struct metrics *m, const struct run *r, const char *name) {
  struct job job = {.name = name};
  metrics_note(m, &(struct sched_note){.kind = SCHED_NOTE_RUN, .run = r, .job = &job});
}

static void check_line(struct buf *text, const char *line) {
  if (!strstr(buf_text(text), line)) fail_msg("no line \"%s\" in:\n%s", line, buf_text(text));
}

static void runs_are_counted_by_job_status_and_trigger(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf own = buf_new(1 << 20);
  BUF_AUTO struct buf open = buf_new(1 << 20);
  CHECK_OK(metrics_new(&m));
  struct run good = ended(1, RUN_SUCCESS), bad = ended(2, RUN_FAILED), running = ended(1, RUN_RUNNING);
  running.lag_ms = 3;
  note(m, &running, "a\"b");
  note(m, &good, "a\"b");
  note(m, &good, "a\"b");
  note(m, &bad, "c");
  metrics_write(m, true, &own);
  metrics_write(m, false, &open);
  check_line(&own, "sereno_runs_total{job=\"a\\\"b\",status=\"success\",trigger=\"schedule\"} 2\n");
  check_line(&own, "sereno_runs_total{job=\"c\",status=\"failed\",trigger=\"schedule\"} 1\n");
  check_line(&open, "sereno_runs_total{status=\"success\",trigger=\"schedule\"} 2\n");
  assert_null(strstr(buf_text(&open), "job="));
  check_line(&own, "sereno_run_duration_seconds_bucket{le=\"0.05\"} 0\n");
  check_line(&own, "sereno_run_duration_seconds_bucket{le=\"0.1\"} 3\n");
  check_line(&own, "sereno_run_duration_seconds_sum 0.210\n");
  check_line(&own, "sereno_start_lag_seconds_count 1\n");
  check_line(&own, "sereno_occurrences_total{verdict=\"ran\"} 3\n");
  metrics_free(m);
}

static void what_runs_use_is_summed_by_job(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf own = buf_new(1 << 20);
  BUF_AUTO struct buf open = buf_new(1 << 20);
  CHECK_OK(metrics_new(&m));
  struct run r = ended(1, RUN_SUCCESS);
  r.duration_ms = 1500;
  r.cpu_user_us = 250000;
  r.cpu_system_us = 500000;
  r.peak_memory_bytes = 4096;
  note(m, &r, "a");
  r.peak_memory_bytes = FIELD_NULL; /* not measured: the last known stays */
  note(m, &r, "a");
  metrics_write(m, true, &own);
  metrics_write(m, false, &open);
  check_line(&own, "sereno_job_run_seconds_total{job=\"a\"} 3\n");
  check_line(&own, "sereno_job_cpu_seconds_total{job=\"a\"} 1.5\n");
  check_line(&own, "sereno_job_memory_peak_bytes{job=\"a\"} 4096\n");
  assert_null(strstr(buf_text(&open), "sereno_job_"));
  metrics_free(m);
}

static void settled_occurrences_are_counted(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf out = buf_new(1 << 20);
  struct gap gap = {.state = OCCURRENCE_MISSED, .count = 40};
  CHECK_OK(metrics_new(&m));
  metrics_note(m, &(struct sched_note){.kind = SCHED_NOTE_GAP, .gap = &gap});
  metrics_note(m, &(struct sched_note){.kind = SCHED_NOTE_OCCURRENCE, .state = OCCURRENCE_SKIPPED});
  metrics_write(m, false, &out);
  check_line(&out, "sereno_occurrences_total{verdict=\"missed\"} 40\n");
  check_line(&out, "sereno_occurrences_total{verdict=\"skipped\"} 1\n");
  metrics_free(m);
}

/* B-79 */
static void what_resuming_added_is_a_histogram(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf out = buf_new(1 << 20);
  CHECK_OK(metrics_new(&m));
  metrics_resumed(m, 3);
  metrics_resumed(m, 200);
  metrics_write(m, false, &out);
  check_line(&out, "sereno_worlds_resume_added_seconds_bucket{le=\"0.005\"} 1\n");
  check_line(&out, "sereno_worlds_resume_added_seconds_bucket{le=\"0.25\"} 2\n");
  check_line(&out, "sereno_worlds_resume_added_seconds_count 2\n");
  metrics_free(m);
}

static void many_jobs_share_one_series(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf out = buf_new(4 << 20);
  CHECK_OK(metrics_new(&m));
  for (int i = 1; i <= METRICS_JOBS_MAX + 25; i++) {
    char name[20];
    (void)snprintf(name, sizeof name, "job %d", i);
    struct run r = ended(i, RUN_SUCCESS);
    note(m, &r, name);
  }
  metrics_write(m, true, &out);
  check_line(&out, "sereno_runs_total{job=\"other\",status=\"success\",trigger=\"schedule\"} 25\n");
  metrics_free(m);
}

/* the numbers of a job's last result, also those one level down (auto-pause's stats). */
static void the_numbers_of_the_last_result_are_told(void **state) {
  (void)state;
  struct metrics *m;
  BUF_AUTO struct buf out = buf_new(1 << 20);
  CHECK_OK(metrics_new(&m));
  struct run first = ended(1, RUN_SUCCESS), last = ended(1, RUN_SUCCESS);
  first.result = "{\"worldsCleaned\":9,\"gone\":1}";
  last.result = "{\"worldsCleaned\":3,\"success\":true,\"text\":\"x\",\"stats\":{\"totalPaused\":15}}";
  note(m, &first, "cleanup");
  note(m, &last, "cleanup");
  metrics_write(m, true, &out);
  check_line(&out, "sereno_job_result{job=\"cleanup\",metric=\"worldsCleaned\"} 3\n");
  check_line(&out, "sereno_job_result{job=\"cleanup\",metric=\"totalPaused\"} 15\n");
  assert_null(strstr(buf_text(&out), "gone"));
  metrics_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_are_counted_by_job_status_and_trigger),
      cmocka_unit_test(what_runs_use_is_summed_by_job),
      cmocka_unit_test(settled_occurrences_are_counted),
      cmocka_unit_test(the_numbers_of_the_last_result_are_told),
      cmocka_unit_test(what_resuming_added_is_a_histogram),
      cmocka_unit_test(many_jobs_share_one_series),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
