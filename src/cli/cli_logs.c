/* `sereno logs`: the server's log, or the output of a run. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"

#define POLL_MS 500

static const char help[] =
    "sereno logs [-f] [-n LINES]        the server's log; -f follows it\n"
    "sereno logs [-f] [-n LINES] JOB | RUN-ID   the output of a job's newest run, or of one run\n";

struct logs_args {
  bool follow;
  const char *lines;
};

/* ---- the server's log ---- */

static const char *const known[] = {"ts", "level", "component", "msg", NULL};

/* {"ts","level","component","msg",…} as one line for people; other texts as they are. */
static void print_entry(const struct cli *c, struct str line) {
  json_t *entry = NULL;
  if (c->is_json || json_parse(line, &entry, NULL) != ERR_OK || !cli_text(entry, "msg")) {
    const char *text = cli_text(entry, "text");
    (void)printf("%.*s\n", (int)(text ? strlen(text) : line.len), text ? text : line.ptr);
    json_decref(entry);
    return;
  }
  const char *level = cli_text(entry, "level"), *key;
  bool is_bad = level && (strcmp(level, "error") == 0 || strcmp(level, "critical") == 0);
  (void)printf("%s ", cli_text(entry, "ts") ? cli_text(entry, "ts") : "");
  cli_print_color(c,
                  is_bad                                ? CLI_RED
                  : level && strcmp(level, "warn") == 0 ? CLI_YELLOW
                                                        : CLI_DIM,
                  level ? level : "");
  (void)printf(" %s: %s", cli_text(entry, "component") ? cli_text(entry, "component") : "",
               cli_text(entry, "msg"));
  json_t *value;
  json_object_foreach(entry, key, value) {
    if (cli_choose(known, key) >= 0) continue;
    char *text = json_is_string(value) ? NULL : json_to_text(value);
    (void)printf(" %s=%s", key, text ? text : json_string_value(value));
    free(text);
  }
  (void)putchar('\n');
  json_decref(entry);
}

static bool on_event(void *arg, struct str id, struct str event, struct str data) {
  (void)id;
  const struct cli *c = arg;
  if (str_eq(event, STR("resync"))) (void)fputs("… some lines were missed …\n", stderr);
  else print_entry(c, data);
  (void)fflush(stdout);
  return true;
}

static int server_log(struct cli *c, const struct logs_args *a) {
  int64_t lines = 100;
  char path[100];
  if (a->lines && !str_to_int(str_of(a->lines), 1, 10000, &lines))
    return cli_fail(c, CLI_USAGE, "-n must be 1 to 10000");
  (void)snprintf(path, sizeof path, "/api/cron/logs?limit=%lld", (long long)lines);
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  size_t i;
  json_t *line;
  json_array_foreach(json_object_get(reply.json, "data"), i, line)
      print_entry(c, str_of(json_string_value(line)));
  (void)fflush(stdout);
  return a->follow ? cli_stream(c, "/api/cron/logs/stream", on_event, c) : CLI_OK;
}

/* ---- a run's output ---- */

static int find_run(struct cli *c, const char *name, char *ret_id, size_t size) {
  int64_t run_no;
  char path[CLI_PATH_BYTES_MAX];
  if (id_from_text(str_of(name), &run_no)) return str_copy(ret_id, size, str_of(name)) ? CLI_OK : CLI_USAGE;
  if (!cli_path(path, sizeof path, "/api/cron/executions?limit=1&job=", name, ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  const char *id = cli_text(json_array_get(json_object_get(reply.json, "data"), 0), "id");
  if (!id) return cli_fail(c, CLI_NOT_FOUND, "%s has not run yet", name);
  return str_copy(ret_id, size, str_of(id)) ? CLI_OK : CLI_USAGE;
}

static int is_running(struct cli *c, const char *id, bool *ret) {
  char path[CLI_PATH_BYTES_MAX];
  if (!cli_path(path, sizeof path, "/api/cron/executions/", id, "")) return CLI_USAGE;
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  const char *status = cli_text(reply.json, "status");
  *ret = status && (strcmp(status, "running") == 0 || strcmp(status, "queued") == 0);
  return code;
}

/* Where the last so many lines begin. */
static size_t last_lines(struct str text, int64_t lines) {
  size_t at = text.len;
  if (at > 0 && text.ptr[at - 1] == '\n') at--;
  for (; at > 0; at--)
    if (text.ptr[at - 1] == '\n' && --lines == 0) break;
  return at;
}

/* Prints what is new since *shown bytes; of the first of it only the last so many lines, unless 0. */
static int print_new(struct cli *c, const char *id, int64_t lines, size_t *shown) {
  char path[CLI_PATH_BYTES_MAX];
  if (!cli_path(path, sizeof path, "/api/cron/executions/", id, "/output")) return CLI_USAGE;
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  if (lines > 0 && *shown == 0) *shown = last_lines(buf_str(&reply.body), lines);
  if (reply.body.len > *shown) cli_print_output(str_from(buf_str(&reply.body), *shown));
  *shown = reply.body.len;
  (void)fflush(stdout);
  return CLI_OK;
}

static int run_output(struct cli *c, const struct logs_args *a, const char *name) {
  char id[64];
  size_t shown = 0;
  int64_t lines = 0;
  if (a->lines && !str_to_int(str_of(a->lines), 1, INT32_MAX, &lines))
    return cli_fail(c, CLI_USAGE, "-n must be a whole number above 0");
  int code = find_run(c, name, id, sizeof id);
  for (bool goes_on = true; code == CLI_OK && goes_on;) {
    goes_on = false;
    if (a->follow) code = is_running(c, id, &goes_on); /* asked first: what comes last is not left out */
    if (code == CLI_OK) code = print_new(c, id, lines, &shown);
    if (code == CLI_OK && goes_on) (void)poll(NULL, 0, POLL_MS);
  }
  return code;
}

int cli_logs(int argc, char **argv) {
  struct cli c = {};
  struct logs_args a = {};
  const struct cli_flag flags[] = {CLI_BOOL("f", &a.follow), CLI_BOOL("follow", &a.follow),
                                   CLI_TEXT("n", &a.lines), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  if (c.argc > 1) code = cli_usage(&c, help);
  else code = c.argc == 1 ? run_output(&c, &a, c.argv[0]) : server_log(&c, &a);
  cli_end(&c);
  return code;
}
