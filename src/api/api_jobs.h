/* Handlers of /api/cron/jobs. */
#pragma once
#include "api/call.h"

extern const struct shape jobs_query_shape, job_page_shape, proposed_id_shape;
route_handler jobs_list, job_create, job_get, job_edit, job_delete, job_id_propose;

/* api_joblist.c: from the roster */
extern const struct shape compact_query_shape, compact_answer_shape, filters_answer_shape;
route_handler jobs_compact, filters_get;

/* api_history.c: what a job was */
extern const struct shape history_query_shape, history_page_shape;
route_handler job_history, job_restore;

/* api_actions.c: what is done with one job, or with several */
extern const struct shape run_request_shape, run_answer_shape, stop_request_shape, stop_answer_shape,
    pause_request_shape, gate_answer_shape, pause_many_shape, resume_many_shape, gates_answer_shape;
route_handler job_run, job_stop, job_pause, job_resume, jobs_pause, jobs_resume;
/* Runs c->job and answers; shared with the admin and cron endpoints. */
struct run_order {
  enum run_trigger trigger;
  const char *params; /* NULL = the job's */
  bool refuse_when_running;
  int64_t wait_s;
  int status; /* when it is not waited for, or the time is over */
};
void job_start(struct call *c, const struct run_order *order);
/* The audit row of a run of c->job that somebody asked for. */
void job_log_run(struct call *c, int64_t run_no);

/* api_job_views.c: what is known of one job */
extern const struct shape occurrences_query_shape, occurrence_page_shape, metrics_answer_shape,
    why_answer_shape;
route_handler job_occurrences, job_metrics_get, job_why;
/* A sentence for people. */
const char *reason_sentence(enum occurrence_state state, enum reason reason);

/* api_trial.c: one run of what is not saved */
route_handler job_test_new, job_test;

/* api_job_preview.c: what an edit would do */
extern const struct shape job_preview_shape;
route_handler job_preview_new, job_preview;
