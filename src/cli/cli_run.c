/* `sereno run NAME…`: runs jobs now, one after the other, and waits for each. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"
#include "sys/world.h"

#define WAIT_SLICE_S 30 /* of one request; the server bounds what it takes */
#define POLL_FIRST_MS 100
#define POLL_MOST_MS 1000

static const char help[] =
    "sereno run NAME… [--params JSON] [--dry-run] [--wait DURATION | --no-wait]\n"
    "\n"
    "Runs each job now, in this order, and prints its output and metrics. Stops at the first that fails.\n"
    "  --params JSON    instead of the job's parameters\n"
    "  --dry-run        a world job only says what it would do (parameter dryRun)\n"
    "  --wait DURATION  at most so long in all (90, 5m); then exit code 124, the run goes on\n"
    "  --no-wait        only start it and print its execution id\n"
    "  --quiet          no output of the job, only how it ended\n"
    "\n"
    "Exit codes: 0 ok, 1 the job failed, 2 usage, 3 no such job, 4 refused, 5 conflict, 124 waited too "
    "long.\n";

struct run_args {
  bool no_wait, is_quiet, is_dry;
  const char *params, *wait;
  int64_t until_ms;                   /* INSTANT_NEVER */
  void (*tell)(const json_t *result); /* to people; NULL: as JSON */
};

static int64_t now_ms(void) { return world_now_ms(world_real()); }

static bool is_final(const char *status) {
  return status && strcmp(status, "running") != 0 && strcmp(status, "queued") != 0;
}

static bool is_left_out(const json_t *execution) {
  const char *reason = cli_text(execution, "reason");
  return reason && strcmp(reason, "overlap") == 0;
}

static void print_result(const char *name, const json_t *execution, const struct run_args *a) {
  const char *output = cli_text(execution, "output"), *status = cli_text(execution, "status");
  const json_t *result = json_object_get(execution, "result");
  char took[40];
  if (output && !a->is_quiet) {
    cli_print_output(str_of(output));
    if (output[0] && output[strlen(output) - 1] != '\n') (void)putchar('\n');
  }
  if (a->tell && json_is_object(result)) a->tell(result);
  else if (result && !json_is_null(result)) cli_print_json(result);
  (void)fflush(stdout);
  (void)fprintf(stderr, "%s: %s in %s", name, status ? status : "?",
                cli_duration(json_int_at(execution, "duration", -1), took));
  const char *error = cli_text(execution, "errorMessage");
  if (is_left_out(execution)) error = "it did not start, because it runs already";
  (void)fprintf(stderr, "%s%s\n", error ? ": " : "", error ? error : "");
}

/* Success and a job that says it had nothing to do are fine; one that was not even started is not. */
static int exit_of(const json_t *execution) {
  const char *status = cli_text(execution, "status");
  if (is_left_out(execution)) return CLI_CONFLICT;
  return status && (strcmp(status, "success") == 0 || strcmp(status, "skipped") == 0) ? CLI_OK
                                                                                      : CLI_JOB_FAILED;
}

static int finish(struct cli *c, const char *name, const json_t *execution, const struct run_args *a) {
  if (c->is_json) cli_print_json(execution);
  else print_result(name, execution, a);
  return exit_of(execution);
}

static int poll_until_final(struct cli *c, const char *name, const char *id, const struct run_args *a) {
  int pause_ms = POLL_FIRST_MS;
  char path[CLI_PATH_BYTES_MAX];
  if (!cli_path(path, sizeof path, "/api/cron/executions/", id, "")) return CLI_USAGE;
  while (now_ms() < a->until_ms) {
    CLI_REPLY_AUTO struct cli_reply reply;
    int code = cli_call(c, "GET", path, NULL, &reply);
    if (code != CLI_OK) return code;
    if (is_final(cli_text(reply.json, "status"))) return finish(c, name, reply.json, a);
    (void)poll(NULL, 0, pause_ms);
    if (pause_ms < POLL_MOST_MS) pause_ms *= 2;
  }
  return cli_fail(c, CLI_TIMED_OUT, "%s: still not finished; the run goes on: sereno runs show %s", name, id);
}

/* The parameters of this run: those given, or for a dry run the job's own with dryRun; "" means the job's own. */
static int add_params(struct cli *c, const char *name, const struct run_args *a, struct buf *body) {
  char path[CLI_PATH_BYTES_MAX];
  if (a->params) buf_addf(body, "\"params\":%s", a->params);
  if (a->params || !a->is_dry) return CLI_OK;
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", name, ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  CLI_REPLY_AUTO struct cli_reply job;
  int code = cli_call(c, "GET", path, NULL, &job);
  if (code != CLI_OK) return code;
  json_t *own = json_object_get(job.json, "params");
  JSON_AUTO json_t *params = json_is_object(own) ? json_copy(own) : json_object();
  json_object_set_new(params, "dryRun", json_true());
  char *text = json_to_text(params);
  buf_addf(body, "\"params\":%s", text ? text : "{}");
  free(text);
  return CLI_OK;
}

struct starting {
  const char *name, *path, *body;
};

static int start_and_wait(struct cli *c, const struct starting *s, const struct run_args *a) {
  char prefer[64], id[64];
  const char *name = s->name;
  int64_t left_s = a->until_ms == INSTANT_NEVER ? WAIT_SLICE_S : (a->until_ms - now_ms()) / 1000;
  (void)snprintf(prefer, sizeof prefer, "Prefer: wait=%lld",
                 (long long)(left_s > WAIT_SLICE_S ? WAIT_SLICE_S
                             : left_s > 0          ? left_s
                                                   : 1));
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call_with(c, "POST", s->path, s->body, a->no_wait ? NULL : prefer, &reply);
  if (code != CLI_OK) return code;
  const json_t *execution = json_object_get(reply.json, "execution");
  if (is_final(cli_text(execution, "status"))) return finish(c, name, execution, a);
  const char *text = cli_text(reply.json, "executionId");
  if (!text || !str_copy(id, sizeof id, str_of(text)))
    return cli_fail(c, CLI_REFUSED, "the server gave no execution id");
  if (!a->no_wait) return poll_until_final(c, name, id, a);
  if (c->is_json) cli_print_json(reply.json);
  else (void)printf("%s\n", id);
  return CLI_OK;
}

static int run_one(struct cli *c, const char *name, const struct run_args *a) {
  char path[CLI_PATH_BYTES_MAX];
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", name, "/run"))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  BUF_AUTO struct buf body = buf_new(CLI_BODY_BYTES_MAX);
  buf_add_char(&body, '{');
  int params_code = add_params(c, name, a, &body);
  if (params_code != CLI_OK) return params_code;
  buf_add_char(&body, '}');
  return start_and_wait(c, &(struct starting){name, path, buf_text(&body)}, a);
}

static int check_args(struct cli *c, struct run_args *a) {
  int64_t wait_ms;
  a->until_ms = INSTANT_NEVER;
  if (c->argc == 0) return cli_usage(c, help);
  if (a->wait && !duration_from_text(str_of(a->wait), &wait_ms))
    return cli_fail(c, CLI_USAGE, "--wait: \"%s\" is no duration like 90, 5m or 1h30m", a->wait);
  if (a->wait) a->until_ms = now_ms() + wait_ms;
  if (a->params && a->is_dry)
    return cli_fail(c, CLI_USAGE, "--dry-run and --params: write \"dryRun\": true into the parameters");
  if (!a->params) return CLI_OK;
  struct err_detail detail = {.field = "--params"};
  JSON_AUTO json_t *params = NULL;
  enum err e = json_parse(str_of(a->params), &params, &detail);
  if (e != ERR_OK) return cli_fail_detail(c, ERR_INVALID, &detail);
  return json_is_object(params) ? CLI_OK : cli_fail(c, CLI_USAGE, "--params must be a JSON object");
}

int cli_run_job(struct cli *c, const char *name, bool is_dry, void (*tell)(const json_t *result)) {
  const struct run_args a = {.is_dry = is_dry, .is_quiet = true, .until_ms = INSTANT_NEVER, .tell = tell};
  return run_one(c, name, &a);
}

int cli_try_job(struct cli *c, const char *name, const char *body) {
  const struct run_args a = {.until_ms = INSTANT_NEVER};
  return start_and_wait(c, &(struct starting){name, "/api/cron/jobs/test", body}, &a);
}

int cli_run(int argc, char **argv) {
  struct cli c = {};
  struct run_args a = {};
  const struct cli_flag flags[] = {CLI_BOOL("no-wait", &a.no_wait), CLI_BOOL("quiet", &a.is_quiet),
                                   CLI_BOOL("dry-run", &a.is_dry),  CLI_TEXT("params", &a.params),
                                   CLI_TEXT("wait", &a.wait),       CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  code = check_args(&c, &a);
  for (int i = 0; code == CLI_OK && i < c.argc; i++) code = run_one(&c, c.argv[i], &a);
  cli_end(&c);
  return code;
}
