/* `sereno pause` and `sereno resume`: of one job, a category, or everything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"

static const char help[] =
    "sereno pause NAME… | --category C | --all  [--for DURATION | --until INSTANT]\n"
    "sereno resume NAME… | --category C | --all\n"
    "\n"
    "A paused job keeps its due instants on record as skipped; they are never caught up. Manual runs still "
    "work.\n";

struct pause_args {
  const char *category, *length, *until;
  bool all;
};

static int send(struct cli *c, const struct pause_args *a, const char *path, bool is_pause,
                const char *what) {
  json_t *body = json_object();
  if (a->category) json_object_set_new(body, "category", json_string(a->category));
  if (a->all) json_object_set_new(body, "all", json_true());
  if (a->length) json_object_set_new(body, "for", json_string(a->length));
  if (a->until) json_object_set_new(body, "until", json_string(a->until));
  char *text = json_to_text(body);
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "POST", path, text, &reply);
  free(text);
  json_decref(body);
  if (code != CLI_OK) return code;
  char until[40];
  bool has_end = cli_text(reply.json, "until") != NULL;
  if (c->is_json) cli_print_json(reply.json);
  else
    (void)printf("%s: %s%s%s\n", what, is_pause ? "paused" : "resumed", has_end ? " until " : "",
                 has_end ? cli_instant(reply.json, "until", until) : "");
  return CLI_OK;
}

static int pause_or_resume(struct cli *c, const struct pause_args *a, bool is_pause) {
  char path[CLI_PATH_BYTES_MAX];
  bool is_many = a->category || a->all;
  if ((c->argc > 0) == is_many || (a->category && a->all)) return cli_usage(c, help);
  if (!is_pause && (a->length || a->until))
    return cli_fail(c, CLI_USAGE, "resume takes no --for and no --until");
  if (is_many)
    return send(c, a, is_pause ? "/api/cron/pause" : "/api/cron/resume", is_pause,
                a->all ? "all jobs" : a->category);
  for (int i = 0; i < c->argc; i++) {
    if (!cli_path(path, sizeof path, "/api/cron/jobs/", c->argv[i], is_pause ? "/pause" : "/resume"))
      return cli_fail(c, CLI_USAGE, "the name is too long");
    int code = send(c, a, path, is_pause, c->argv[i]);
    if (code != CLI_OK) return code;
  }
  return CLI_OK;
}

int cli_pause(int argc, char **argv) {
  struct pause_args a = {};
  struct cli c = {};
  bool is_pause = strcmp(argv[0], "pause") == 0;
  const struct cli_flag flags[] = {CLI_TEXT("category", &a.category), CLI_TEXT("for", &a.length),
                                   CLI_TEXT("until", &a.until), CLI_BOOL("all", &a.all), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code < 0) code = pause_or_resume(&c, &a, is_pause);
  cli_end(&c);
  return code;
}
