/* `sereno export crontab`: the jobs of the shell executor as a crontab; what a crontab cannot say stands there as a
 * comment with the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/mask.h"
#include "base/arena.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"
#include "cli/crontab.h"

#define EXPORT_ARENA_BYTES (64 * 1024 * 1024)

static const char help[] =
    "sereno export crontab [--system]   to stdout; --system: with the user column\n"
    "\n"
    "Jobs of other executors, disabled ones and what a crontab cannot say become comments with the reason.\n"
    "Retries, timeouts and other rules that cron has no word for are not exported.\n";

struct exporting {
  struct cli *cli;
  bool is_system;
  struct arena arena;
  struct crontab_job *jobs;
  size_t count, skipped;
};

static void skip(struct exporting *x, const json_t *job, const char *why) {
  x->skipped++;
  (void)printf("# %s is not here: %s\n", cli_text(job, "name"), why);
}

static void add(struct exporting *x, const json_t *job) {
  const char *command = cli_text(job, "command");
  struct err_detail detail = {};
  if (x->count == CRONTAB_JOBS_MAX) return skip(x, job, "there are too many jobs");
  if (!command || strcmp(command, "shell") != 0) return skip(x, job, "its executor is not the shell");
  if (!json_bool_at(job, "isActive", true)) return skip(x, job, "it is disabled");
  if (mask_is_left(json_object_get(job, "params"), NULL))
    return skip(x, job, "it holds a secret, which the server does not give out");
  struct crontab_job *to = &x->jobs[x->count];
  *to = (struct crontab_job){
      .name = arena_strdup(&x->arena, json_text_at(job, "name")),
      .schedule = arena_strdup(&x->arena, json_text_at(job, "schedule")),
      .timezone = cli_text(job, "timezone") ? arena_strdup(&x->arena, json_text_at(job, "timezone")) : NULL,
      .description =
          cli_text(job, "description") ? arena_strdup(&x->arena, json_text_at(job, "description")) : NULL,
      .user = cli_text(job, "runAs") ? arena_strdup(&x->arena, json_text_at(job, "runAs"))
              : x->is_system         ? "root"
                                     : NULL,
      .random_delay_minutes = (int)(json_int_at(job, "splay", 0) / 60),
      .is_quiet = str_eq(json_text_at(json_object_get(job, "labels"), "quiet"), STR("true")),
  };
  char *params = json_to_text(json_object_get(job, "params"));
  json_t *kept = NULL; /* its texts must outlive this page */
  enum err e = json_parse(str_of(params), &kept, &detail);
  if (e == ERR_OK) e = crontab_params_from_json(kept, &x->arena, to, &detail);
  if (e == ERR_OK) {
    to->command = arena_strdup(&x->arena, str_of(to->command));
    if (to->stdin_text) to->stdin_text = arena_strdup(&x->arena, str_of(to->stdin_text));
    struct crontab_variable *variables =
        ARENA_ARRAY(&x->arena, struct crontab_variable, to->variable_count + 1);
    for (size_t i = 0; variables && i < to->variable_count; i++)
      variables[i] = (struct crontab_variable){arena_strdup(&x->arena, str_of(to->variables[i].name)),
                                               arena_strdup(&x->arena, str_of(to->variables[i].value))};
    to->variables = variables;
    x->count++;
  }
  json_decref(kept);
  free(params);
  if (e != ERR_OK) skip(x, job, detail.message);
}

static int read_jobs(struct exporting *x) {
  char path[CLI_PATH_BYTES_MAX] = "/api/cron/jobs?limit=500";
  for (bool has_more = true; has_more;) {
    CLI_REPLY_AUTO struct cli_reply reply;
    int code = cli_call(x->cli, "GET", path, NULL, &reply);
    if (code != CLI_OK) return code;
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(reply.json, "data"), i, job) add(x, job);
    const char *next = cli_text(reply.json, "nextCursor");
    has_more = next && cli_path(path, sizeof path, "/api/cron/jobs?limit=500&cursor=", next, "");
  }
  return CLI_OK;
}

static int export_crontab(struct exporting *x) {
  x->jobs = ARENA_ARRAY(&x->arena, struct crontab_job, CRONTAB_JOBS_MAX);
  if (!x->jobs) return cli_fail(x->cli, CLI_REFUSED, "out of memory");
  int code = read_jobs(x);
  if (code != CLI_OK) return code;
  if (arena_error(&x->arena) != ERR_OK)
    return cli_fail(x->cli, CLI_REFUSED, "the jobs are too large for one crontab");
  BUF_AUTO struct buf out = buf_new(4 * CRONTAB_BYTES_MAX);
  size_t refused = 0;
  enum err e = crontab_write(x->jobs, x->count, x->is_system ? CRONTAB_SYSTEM : CRONTAB_USER, &out, &refused);
  if (e != ERR_OK) return cli_fail(x->cli, CLI_REFUSED, "%s", err_text(e));
  (void)printf("%.*s", STR_ARG(buf_str(&out)));
  if (refused + x->skipped > 0)
    (void)fprintf(stderr, "%zu jobs exported, %zu only as comments with the reason\n", x->count - refused,
                  refused + x->skipped);
  return CLI_OK;
}

int cli_export(int argc, char **argv) {
  struct cli c = {};
  struct exporting x = {.cli = &c, .arena = arena_new(EXPORT_ARENA_BYTES)};
  const struct cli_flag flags[] = {CLI_BOOL("system", &x.is_system), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  bool is_right = c.argc == 1 && strcmp(c.argv[0], "crontab") == 0;
  code = is_right ? export_crontab(&x) : cli_usage(&c, help);
  arena_free(&x.arena);
  cli_end(&c);
  return code;
}
