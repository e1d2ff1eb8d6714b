/* `sereno runs list|show|cancel`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"

#define RUNS_DEFAULT 50

static const char help[] =
    "sereno runs [list] [FILTER…]     as in 'status:failed job~shelly took>30s started<1h'\n"
    "sereno runs [list] [--job NAME] [--status success,failed,…] [--trigger schedule,manual,…]\n"
    "            [--from INSTANT] [--to INSTANT] [--limit N]     newest first\n"
    "sereno runs show ID       one run with its output\n"
    "sereno runs cancel ID…    what is queued will not start, what runs is ended\n";

struct runs_args {
  const char *job, *status, *trigger, *from, *to, *limit;
};

static bool add_query(char *path, size_t size, const char *key, const char *value) {
  size_t n = strlen(path);
  return !value || cli_path(path + n, size - n, key, value, "");
}

static int list(struct cli *c, const struct runs_args *a) {
  static const struct cli_column columns[] = {{"ID", "id", CLI_COLUMN_TEXT},
                                              {"JOB", "jobName", CLI_COLUMN_TEXT},
                                              {"STATUS", "status", CLI_COLUMN_STATUS},
                                              {"STARTED", "startedAt", CLI_COLUMN_INSTANT},
                                              {"TOOK", "duration", CLI_COLUMN_DURATION},
                                              {"TRY", "attempt", CLI_COLUMN_VALUE},
                                              {"BY", "triggeredBy", CLI_COLUMN_TEXT},
                                              {"REASON", "reason", CLI_COLUMN_TEXT},
                                              {}};
  int64_t most = RUNS_DEFAULT;
  if (a->limit && !str_to_int(str_of(a->limit), 1, INT32_MAX, &most))
    return cli_fail(c, CLI_USAGE, "--limit must be a whole number above 0");
  char path[CLI_PATH_BYTES_MAX], q[3100];
  bool has_filter = cli_filter(c, q, sizeof q);
  (void)snprintf(path, sizeof path, "/api/cron/executions?limit=%lld%s", (long long)(most < 500 ? most : 500),
                 q);
  bool fits = has_filter && add_query(path, sizeof path, "&job=", a->job) &&
              add_query(path, sizeof path, "&status=", a->status) &&
              add_query(path, sizeof path, "&triggeredBy=", a->trigger) &&
              add_query(path, sizeof path, "&from=", a->from) && add_query(path, sizeof path, "&to=", a->to);
  return fits ? cli_list(c, path, columns, (size_t)most) : cli_fail(c, CLI_USAGE, "the filter is too long");
}

static void print_run(const struct cli *c, const json_t *run) {
  static const char *const last[] = {"output", "errorMessage", "result", "params"};
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)run, key, value) {
    bool is_last = false;
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) is_last = is_last || strcmp(last[i], key) == 0;
    if (is_last || json_is_null(value)) continue;
    (void)printf("%-20s ", key);
    char *text = json_is_string(value) ? NULL : json_to_text(value);
    cli_print_color(c, strcmp(key, "status") == 0 ? cli_status_color(json_string_value(value)) : CLI_PLAIN,
                    text ? text : json_string_value(value));
    (void)putchar('\n');
    free(text);
  }
  const json_t *params = json_object_get(run, "params"), *result = json_object_get(run, "result");
  if (params && !json_is_null(params)) (void)printf("%-20s ", "params"), cli_print_json(params);
  if (result && !json_is_null(result)) (void)printf("%-20s ", "result"), cli_print_json(result);
  const char *error = cli_text(run, "errorMessage"), *output = cli_text(run, "output");
  if (error) (void)printf("%-20s %s\n", "errorMessage", error);
  if (!output) return;
  (void)putchar('\n');
  cli_print_output(str_of(output));
  if (!str_ends(str_of(output), STR("\n"))) (void)putchar('\n');
}

static int show(struct cli *c, const struct runs_args *a) {
  (void)a;
  char path[CLI_PATH_BYTES_MAX];
  if (c->argc != 1) return cli_usage(c, help);
  if (!cli_path(path, sizeof path, "/api/cron/executions/", c->argv[0], ""))
    return cli_fail(c, CLI_USAGE, "the id is too long");
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json) cli_print_json(reply.json);
  else print_run(c, reply.json);
  return CLI_OK;
}

static int cancel(struct cli *c, const struct runs_args *a) {
  (void)a;
  if (c->argc == 0) return cli_usage(c, help);
  for (int i = 0; i < c->argc; i++) {
    char path[CLI_PATH_BYTES_MAX];
    if (!cli_path(path, sizeof path, "/api/cron/executions/", c->argv[i], "/cancel"))
      return cli_fail(c, CLI_USAGE, "the id is too long");
    CLI_REPLY_AUTO struct cli_reply reply;
    int code = cli_call(c, "POST", path, NULL, &reply);
    if (code != CLI_OK) return code;
    if (c->is_json) cli_print_json(reply.json);
    else
      (void)printf("%s: %s\n", c->argv[i],
                   cli_text(reply.json, "text") ? cli_text(reply.json, "text") : "cancelled");
  }
  return CLI_OK;
}

static const char *const names[] = {"list", "show", "cancel", NULL};
static int (*const actions[])(struct cli *c, const struct runs_args *a) = {list, show, cancel};

int cli_runs(int argc, char **argv) {
  struct runs_args a = {};
  struct cli c = {.verb = "runs"};
  bool is_list = argc < 2 || argv[1][0] == '-' || cli_is_filter(argv[1]);
  int action = is_list ? 0 : cli_choose(names, argv[1]);
  if (action < 0) {
    (void)cli_fail(&c, CLI_USAGE, "there is no \"%s\"", argv[1]);
    return cli_usage(&c, help);
  }
  if (!is_list) {
    argv[1] = argv[0];
    argc--, argv++;
  }
  const struct cli_flag flags[] = {CLI_TEXT("job", &a.job),
                                   CLI_TEXT("status", &a.status),
                                   CLI_TEXT("trigger", &a.trigger),
                                   CLI_TEXT("from", &a.from),
                                   CLI_TEXT("to", &a.to),
                                   CLI_TEXT("limit", &a.limit),
                                   CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code < 0) code = actions[action](&c, &a);
  cli_end(&c);
  return code;
}
