/* `sereno why NAME`: why it runs, waits, or did not run (U-30). */
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"

static const char help[] = "sereno why NAME…    why a job runs, waits or did not run\n";

static void print_recent(struct cli *c, const json_t *recent) {
  static const char *const headers[] = {"DUE", "TIMES", "STATE", "WHY", NULL};
  size_t i;
  json_t *row;
  if (json_array_size(recent) == 0) return;
  struct cli_table t;
  (void)putchar('\n');
  cli_table_begin(&t, c, headers);
  json_array_foreach(recent, i, row) {
    char due[40], times[24];
    const char *state = cli_text(row, "state"), *why = cli_text(row, "reasonText");
    (void)snprintf(times, sizeof times, "%lld", (long long)json_int_at(row, "count", 1));
    cli_table_add(&t, CLI_PLAIN, cli_instant(row, "dueAt", due));
    cli_table_add(&t, CLI_PLAIN, times);
    cli_table_add(&t, cli_status_color(state), state);
    cli_table_add(&t, CLI_PLAIN, why ? why : cli_text(row, "reason"));
  }
  cli_table_end(&t);
}

static int why(struct cli *c, const char *name) {
  char path[CLI_PATH_BYTES_MAX], next[40];
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", name, "/why"))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json) {
    cli_print_json(reply.json);
    return CLI_OK;
  }
  const char *text = cli_text(reply.json, "text"), *last = cli_text(reply.json, "lastText");
  cli_print_color(c, CLI_BOLD, cli_text(reply.json, "jobName") ? cli_text(reply.json, "jobName") : name);
  (void)printf(": %s\n", text ? text : "?");
  (void)printf("next run: %s\n", cli_instant(reply.json, "nextRunAt", next));
  if (last) (void)printf("last due instant: %s\n", last);
  print_recent(c, json_object_get(reply.json, "recent"));
  return CLI_OK;
}

int cli_why(int argc, char **argv) {
  struct cli c = {};
  int code = cli_begin(&c, argc, argv, NULL, help);
  if (code < 0) code = c.argc == 0 ? cli_usage(&c, help) : CLI_OK;
  else return code;
  for (int i = 0; code == CLI_OK && i < c.argc; i++) code = why(&c, c.argv[i]);
  cli_end(&c);
  return code;
}
