#include "api/route.h"

#include "api/alerts.h"
#include "api/api_admin.h"
#include "api/api_executions.h"
#include "api/api_jobs.h"
#include "api/api_output.h"
#include "api/api_round.h"
#include "api/api_system.h"
#include "api/api_who.h"
#include "api/api_worlds.h"
#include "api/render.h"
#include "api/stream.h"

#define WRITES (ROUTE_WRITE)
#define WRITES_JOB (ROUTE_WRITE | ROUTE_JOB)
#define RUNS_JOB (ROUTE_WRITE | ROUTE_JOB | ROUTE_RUNS | ROUTE_KEYED)
#define BEGINS_SESSION (ROUTE_NO_CSRF | ROUTE_LOGIN)

/* method, path, least role, flags, input, answer, status, handler, summary */
const struct route routes[] = {
    {HTTP_GET, "/livez", ROLE_NONE, ROUTE_EARLY, NULL, &health_shape, 200, livez, "the process answers"},
    {HTTP_GET, "/readyz", ROLE_NONE, ROUTE_EARLY, &health_query_shape, &health_shape, 200, readyz,
     "it schedules and its store can be written"},
    {HTTP_GET, "/healthz", ROLE_NONE, ROUTE_EARLY, &health_query_shape, &health_shape, 200, healthz,
     "every part is well"},
    {HTTP_GET, "/version", ROLE_NONE, ROUTE_EARLY, NULL, &version_shape, 200, version_get,
     "name and version"},
    {HTTP_GET, "/metrics", ROLE_NONE, ROUTE_TEXT, NULL, NULL, 200, metrics_get,
     "for Prometheus; the names of jobs only for those who may view"},
    {HTTP_GET, "/api/openapi.json", ROLE_NONE, ROUTE_EARLY, NULL, NULL, 200, openapi_get, "this description"},

    {HTTP_POST, "/api/auth/login", ROLE_NONE, BEGINS_SESSION, &login_request_shape, &session_answer_shape,
     200, auth_login, "log in by name and password"},
    {HTTP_POST, "/api/auth/login-link", ROLE_NONE, BEGINS_SESSION, &link_request_shape, &session_answer_shape,
     200, auth_link, "log in by the secret of a login link"},
    {HTTP_POST, "/api/auth/login-links", ROLE_ADMIN, WRITES, &link_new_shape, &link_answer_shape, 201,
     auth_link_new, "make a login link: single use, 10 minutes"},
    {HTTP_GET, "/api/auth/session", ROLE_VIEWER, 0, NULL, &session_answer_shape, 200, auth_session,
     "who I am, and the CSRF token"},
    {HTTP_POST, "/api/auth/logout", ROLE_VIEWER, WRITES, NULL, NULL, 204, auth_logout, "end this session"},
    {HTTP_POST, "/api/auth/password", ROLE_VIEWER, WRITES, &password_request_shape, NULL, 204, auth_password,
     "change one's own password; other sessions end"},

    {HTTP_GET, "/api/cron/jobs", ROLE_VIEWER, 0, &jobs_query_shape, &job_page_shape, 200, jobs_list,
     "jobs in order of names"},
    {HTTP_POST, "/api/cron/jobs", ROLE_EDITOR, WRITES | ROUTE_KEYED, &job_input_shape, &job_answer_shape, 201,
     job_create, "create a job"},
    {HTTP_GET, "/api/cron/jobs/compact", ROLE_VIEWER, 0, &compact_query_shape, &compact_answer_shape, 200,
     jobs_compact, "jobs as arrays with their newest 30 runs, filtered, sorted, cut"},
    {HTTP_GET, "/api/cron/job-id", ROLE_EDITOR, 0, NULL, &proposed_id_shape, 200, job_id_propose,
     "an id for a job to come: what H and ~ are under it is what they will be"},
    {HTTP_GET, "/api/cron/filters", ROLE_VIEWER, 0, NULL, &filters_answer_shape, 200, filters_get,
     "what q= of each list can be asked, for suggestions"},
    {HTTP_GET, "/api/cron/jobs/:job", ROLE_VIEWER, ROUTE_JOB, NULL, &job_row_shape, 200, job_get,
     "one job, by id or name"},
    {HTTP_PATCH, "/api/cron/jobs/:job", ROLE_EDITOR, WRITES_JOB, &job_input_shape, &job_answer_shape, 200,
     job_edit, "change some fields"},
    {HTTP_PUT, "/api/cron/jobs/:job", ROLE_EDITOR, WRITES_JOB, &job_input_shape, &job_answer_shape, 200,
     job_edit, "replace all fields; what is absent gets its default"},
    {HTTP_DELETE, "/api/cron/jobs/:job", ROLE_EDITOR, WRITES_JOB, NULL, NULL, 204, job_delete,
     "delete it; its ledger stays"},
    {HTTP_POST, "/api/cron/jobs/:job/run", ROLE_OPERATOR, RUNS_JOB, &run_request_shape, &run_answer_shape,
     202, job_run, "run it now; with Prefer: wait=N the answer comes with its end"},
    {HTTP_POST, "/api/cron/jobs/:job/stop", ROLE_EDITOR, WRITES_JOB, &stop_request_shape, &stop_answer_shape,
     200, job_stop, "no due instants any more; with kill also end what runs"},
    {HTTP_POST, "/api/cron/jobs/:job/pause", ROLE_OPERATOR, WRITES_JOB, &pause_request_shape,
     &gate_answer_shape, 200, job_pause, "due instants are skipped/paused and never caught up"},
    {HTTP_POST, "/api/cron/jobs/:job/resume", ROLE_OPERATOR, WRITES_JOB, NULL, &gate_answer_shape, 200,
     job_resume, "end its pause"},
    {HTTP_GET, "/api/cron/jobs/:job/executions", ROLE_VIEWER, ROUTE_JOB, &job_runs_query_shape,
     &run_page_shape, 200, job_runs, "its runs, newest first"},
    {HTTP_GET, "/api/cron/jobs/:job/metrics", ROLE_VIEWER, ROUTE_JOB, NULL, &metrics_answer_shape, 200,
     job_metrics_get, "counts, durations, lags"},
    {HTTP_GET, "/api/cron/jobs/:job/occurrences", ROLE_VIEWER, ROUTE_JOB, &occurrences_query_shape,
     &occurrence_page_shape, 200, job_occurrences, "every due instant and its verdict, newest first"},
    {HTTP_POST, "/api/cron/jobs/test", ROLE_EDITOR, WRITES | ROUTE_RUNS | ROUTE_KEYED, &job_input_shape,
     &run_answer_shape, 202, job_test_new,
     "run a job once without saving it: checked as for saving, recorded as triggeredBy test, kept for a day"},
    {HTTP_POST, "/api/cron/jobs/:job/test", ROLE_EDITOR, RUNS_JOB, &job_input_shape, &run_answer_shape, 202,
     job_test, "the same of a saved job with these changes"},
    {HTTP_POST, "/api/cron/jobs/preview", ROLE_EDITOR, 0, &job_input_shape, &job_preview_shape, 200,
     job_preview_new, "check a new job without saving it: its first runs and its retries"},
    {HTTP_POST, "/api/cron/jobs/:job/preview", ROLE_EDITOR, ROUTE_JOB, &job_input_shape, &job_preview_shape,
     200, job_preview, "check an edit without saving it: what changes, runs gained and lost, its retries"},
    {HTTP_GET, "/api/cron/jobs/:job/why", ROLE_VIEWER, ROUTE_JOB, NULL, &why_answer_shape, 200, job_why,
     "why it runs, or does not"},

    {HTTP_GET, "/api/cron/jobs/:job/history", ROLE_VIEWER, 0, &history_query_shape, &history_page_shape, 200,
     job_history, "its versions, newest first, with what each changed; also of a deleted job"},
    {HTTP_POST, "/api/cron/jobs/:job/history/:version/restore", ROLE_EDITOR, WRITES, NULL, &job_answer_shape,
     200, job_restore, "make it what it was; a deleted job is created anew"},

    {HTTP_GET, "/api/cron/executions", ROLE_VIEWER, 0, &runs_query_shape, &run_page_shape, 200, runs_list,
     "runs, newest first"},
    {HTTP_GET, "/api/cron/executions/:id", ROLE_VIEWER, ROUTE_RUN, NULL, &run_row_shape, 200, run_get,
     "one run"},
    {HTTP_GET, "/api/cron/executions/:id/output", ROLE_VIEWER, ROUTE_RUN | ROUTE_TEXT, &output_query_shape,
     NULL, 200, run_output, "its whole output, or a range of bytes or lines"},
    {HTTP_GET, "/api/cron/executions/:id/output/index", ROLE_VIEWER, ROUTE_RUN, NULL, &output_index_shape,
     200, run_output_index, "how much output there is, and where it tells of errors"},
    {HTTP_GET, "/api/cron/executions/:id/output/lines", ROLE_VIEWER, ROUTE_RUN, &output_lines_query_shape,
     &output_page_shape, 200, run_output_lines, "some lines of its output, with their times"},
    {HTTP_GET, "/api/cron/executions/:id/output/search", ROLE_VIEWER, ROUTE_RUN, &output_search_query_shape,
     &output_matches_shape, 200, run_output_search, "lines with a text, or that look like errors"},
    {HTTP_GET, "/api/cron/executions/:id/context", ROLE_VIEWER, ROUTE_RUN, NULL, &run_context_shape, 200,
     run_context, "the other attempts, the run before, what is usual"},
    {HTTP_POST, "/api/cron/executions/:id/cancel", ROLE_OPERATOR, WRITES | ROUTE_RUN, NULL,
     &cancel_answer_shape, 202, run_cancel, "take it out of the queue, or end its processes"},

    {HTTP_GET, "/api/cron/settings", ROLE_VIEWER, 0, NULL, &settings_shape, 200, settings_get, "settings"},
    {HTTP_PATCH, "/api/cron/settings", ROLE_ADMIN, WRITES, &settings_shape, &settings_shape, 200,
     settings_edit, "change some settings"},
    {HTTP_PUT, "/api/cron/settings", ROLE_ADMIN, WRITES, &settings_shape, &settings_shape, 200, settings_edit,
     "replace all settings"},
    {HTTP_GET, "/api/cron/settings/fields", ROLE_VIEWER, 0, NULL, &setting_fields_shape, 200,
     settings_fields_get, "what may be set, with types, bounds and defaults"},
    {HTTP_GET, "/api/cron/executors", ROLE_VIEWER, 0, NULL, &executors_shape, 200, executors_get,
     "what a job may name as its command, with parameters"},
    {HTTP_GET, "/api/cron/schedule/explain", ROLE_VIEWER, 0, &explain_query_shape, &explain_answer_shape, 200,
     schedule_explain_it, "a schedule in words, its next runs and warnings"},
    {HTTP_POST, "/api/cron/schedule/explain", ROLE_VIEWER, 0, &explain_query_shape, &explain_answer_shape,
     200, schedule_explain_it, "the same"},
    {HTTP_GET, "/api/cron/dashboard", ROLE_VIEWER, 0, NULL, &dashboard_shape, 200, dashboard_get,
     "figures of all jobs"},
    {HTTP_GET, "/api/cron/round", ROLE_VIEWER, 0, &round_query_shape, &round_answer_shape, 200, round_get,
     "what ran, what runs, what will run, and where it will collide"},
    {HTTP_GET, "/api/cron/calendar", ROLE_VIEWER, 0, &calendar_query_shape, &calendar_answer_shape, 200,
     calendar_get, "what ran and what is planned, by hours or days of a zone"},
    {HTTP_GET, "/api/cron/stats", ROLE_VIEWER, 0, &stats_query_shape, &stats_answer_shape, 200, stats_get,
     "a series by days, of all jobs or of one"},
    {HTTP_GET, "/api/cron/diagnosis", ROLE_VIEWER, 0, NULL, &diagnosis_shape, 200, diagnosis_get,
     "why it may be slow, and what the jobs of the worlds do"},
    {HTTP_GET, "/api/cron/monitoring", ROLE_VIEWER, 0, NULL, &monitoring_shape, 200, monitoring_get,
     "what goes on now"},
    {HTTP_GET, "/api/cron/alerts", ROLE_VIEWER, 0, NULL, &alerts_answer_shape, 200, alerts_get,
     "what needs a person now, and who has taken notice"},
    {HTTP_POST, "/api/cron/alerts/:id/ack", ROLE_OPERATOR, WRITES, NULL, &alert_shape, 200, alert_ack,
     "take notice"},
    {HTTP_DELETE, "/api/cron/alerts/:id/ack", ROLE_OPERATOR, WRITES, NULL, &alert_shape, 200, alert_unack,
     "take that back"},
    {HTTP_GET, "/api/cron/logs", ROLE_VIEWER, 0, &logs_query_shape, &logs_answer_shape, 200, logs_get,
     "the newest lines of the server's log"},
    {HTTP_GET, "/api/cron/logs/stream", ROLE_VIEWER, ROUTE_STREAM, &logs_stream_query_shape, NULL, 200,
     logs_stream_get, "new lines of the log, live"},
    {HTTP_GET, "/api/cron/stream", ROLE_VIEWER, ROUTE_STREAM, &stream_query_shape, NULL, 200, stream_get,
     "what happens, live"},
    {HTTP_GET, "/api/cron/audit", ROLE_VIEWER, 0, &ledger_query_shape, &ledger_answer_shape, 200,
     ledger_audit, "prove the ledger: what fell due against what is on record"},
    {HTTP_POST, "/api/cron/pause", ROLE_OPERATOR, WRITES, &pause_many_shape, &gate_answer_shape, 200,
     jobs_pause, "pause a category, or everything"},
    {HTTP_POST, "/api/cron/resume", ROLE_OPERATOR, WRITES, &resume_many_shape, &gate_answer_shape, 200,
     jobs_resume, "end such a pause"},

    {HTTP_GET, "/api/cron/auto-pause-worlds", ROLE_OPERATOR, ROUTE_CRON | ROUTE_RUNS, &cron_query_shape,
     &cron_answer_shape, 200, cron_get, "its last run; from Vercel's cron, or with run=1: run it"},
    {HTTP_POST, "/api/cron/auto-pause-worlds", ROLE_OPERATOR, WRITES | ROUTE_CRON | ROUTE_RUNS, NULL,
     &cron_answer_shape, 200, cron_post, "run the job auto-pause and wait for its result"},
    {HTTP_GET, "/api/cron/delete-scheduled-worlds", ROLE_OPERATOR, ROUTE_CRON | ROUTE_RUNS, &cron_query_shape,
     &cron_answer_shape, 200, cron_get, "its last run; from Vercel's cron, or with run=1: run it"},
    {HTTP_POST, "/api/cron/delete-scheduled-worlds", ROLE_OPERATOR, WRITES | ROUTE_CRON | ROUTE_RUNS, NULL,
     &cron_answer_shape, 200, cron_post, "run the job delete-scheduled-worlds and wait for its result"},

    {HTTP_GET, "/api/admin/cron-jobs", ROLE_ADMIN, 0, NULL, &admin_jobs_shape, 200, admin_jobs_get,
     "the manager's state and the metrics of the world jobs"},
    {HTTP_POST, "/api/admin/cron-jobs", ROLE_ADMIN, WRITES | ROUTE_RUNS | ROUTE_KEYED, &admin_action_shape,
     &admin_answer_shape, 200, admin_jobs_post, "run, enable, disable, stop-all, restart-all"},
    {HTTP_GET, "/api/admin/users", ROLE_ADMIN, 0, NULL, &user_page_shape, 200, users_list, "accounts"},
    {HTTP_POST, "/api/admin/users", ROLE_ADMIN, WRITES, &user_new_shape, &user_shape, 201, user_create,
     "create an account"},
    {HTTP_PATCH, "/api/admin/users/:user", ROLE_ADMIN, WRITES, &user_edit_shape, &user_shape, 200, user_edit,
     "change role or password, disable; its sessions end"},
    {HTTP_DELETE, "/api/admin/users/:user", ROLE_ADMIN, WRITES, NULL, NULL, 204, user_delete,
     "delete it with its tokens and sessions"},
    {HTTP_GET, "/api/admin/tokens", ROLE_ADMIN, 0, NULL, &token_page_shape, 200, tokens_list, "API tokens"},
    {HTTP_POST, "/api/admin/tokens", ROLE_ADMIN, WRITES, &token_new_shape, &token_made_shape, 201,
     token_create, "make a token; it is shown this once"},
    {HTTP_DELETE, "/api/admin/tokens/:token", ROLE_ADMIN, WRITES, NULL, NULL, 204, token_delete,
     "revoke a token"},
    {HTTP_GET, "/api/admin/sessions", ROLE_ADMIN, 0, NULL, &sessions_page_shape, 200, sessions_list,
     "who is logged in"},
    {HTTP_DELETE, "/api/admin/sessions/:session", ROLE_ADMIN, WRITES, NULL, NULL, 204, session_delete,
     "end a session"},
    {HTTP_GET, "/api/admin/audit-log", ROLE_ADMIN, 0, &audit_log_query_shape, &audit_log_page_shape, 200,
     audit_log_list, "who did what, newest first"},
    {HTTP_GET, "/api/admin/audit-log/verify", ROLE_ADMIN, 0, NULL, &audit_verify_shape, 200, audit_log_verify,
     "prove the chain of the audit log"},
    {HTTP_POST, "/api/admin/backup", ROLE_ADMIN, WRITES, &backup_request_shape, &backup_answer_shape, 201,
     backup_create, "copy the database into DIR/backups while it runs"},
    {HTTP_GET, "/api/admin/config", ROLE_ADMIN, 0, NULL, &config_answer_shape, 200, config_show,
     "every configuration key, its value and where it comes from"},

    {HTTP_GET, "/api/worlds/keep", ROLE_NONE, ROUTE_SIGNED | ROUTE_LOGIN | ROUTE_TEXT, &keep_query_shape,
     NULL, 200, keep_page, "the page of a keep link: a button, nothing else happens"},
    {HTTP_GET, "/api/worlds/keep.css", ROLE_NONE, ROUTE_TEXT | ROUTE_EARLY, NULL, NULL, 200, keep_style,
     "its style"},
    {HTTP_POST, "/api/worlds/keep", ROLE_NONE, ROUTE_SIGNED | ROUTE_LOGIN | ROUTE_TEXT, &keep_query_shape,
     NULL, 200, keep_post, "keep the world that the link names"},
/* clang-format off */
#define WORLD_ROUTE(method, path, role, flags, input, answer, status, call, more, audit, summary) \
    {HTTP_##method, path, ROLE_##role, (flags) | ROUTE_WORLD, input, answer, status, world_route, summary},
#include "api/world_routes.def"
#undef WORLD_ROUTE
    /* clang-format on */
};
const size_t route_count = sizeof routes / sizeof *routes;

/* ---- finding ---- */

static bool matches(struct str pattern, struct str path, struct str args[ROUTE_ARGS_MAX]) {
  struct str want, got;
  size_t count = 0;
  for (;;) {
    bool has_want = str_split(&pattern, '/', &want), has_got = str_split(&path, '/', &got);
    if (has_want != has_got) return false;
    if (!has_want) return true;
    if (want.len > 0 && want.ptr[0] == ':') {
      if (got.len == 0) return false;
      ASSERT(count < ROUTE_ARGS_MAX);
      args[count++] = got;
    } else if (!str_eq(want, got)) {
      return false;
    }
  }
}

const struct route *route_find(enum http_method method, struct str path, struct str ret_args[ROUTE_ARGS_MAX],
                               unsigned *ret_allowed) {
  enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
  const struct route *found = NULL;
  bool is_literal = false; /* a path without arguments hides those that would match by them */
  *ret_allowed = 0;
  for (size_t i = 0; i < route_count; i++) {
    struct str args[ROUTE_ARGS_MAX] = {};
    if (!matches(str_of(routes[i].path), path, args) || (is_literal && args[0].ptr)) continue;
    if (!args[0].ptr) is_literal = true;
    *ret_allowed |= 1U << routes[i].method;
    if (routes[i].method != wanted || found) continue;
    found = &routes[i];
    memcpy(ret_args, args, sizeof args);
  }
  return found;
}

void route_allow_text(unsigned allowed, struct buf *out) {
  if (allowed & 1U << HTTP_GET) allowed |= 1U << HTTP_HEAD;
  allowed |= 1U << HTTP_OPTIONS;
  for (int m = 0; m < HTTP_METHOD_COUNT; m++)
    if (allowed & 1U << m) buf_addf(out, "%s%s", out->len ? ", " : "", http_method_text((enum http_method)m));
}
