/* What the verbs of `sereno worlds` share. */
#pragma once
#include "cli/cli.h"

struct world_cli;
struct world_verb {
  const char *name, *usage, *help;
  const char *method, *path; /* each ":" is the next argument */
  int least, most;           /* arguments */
  /* What becomes a field of the body (or of the query of GET and DELETE): "FLAG[=KEY][:TYPE]"; "@KEY[:TYPE]" is the
   * argument after those of the path. Types: t text, i whole number, j JSON, y/n the switch means true or false. */
  const char *fields;
  const char *flags;                /* further ones that run reads itself, between spaces */
  const struct cli_column *columns; /* of a list */
  int (*run)(struct world_cli *w);  /* instead of one request */
};

#define WORLD_FLAGS_MAX 24
struct world_cli {
  struct cli c;
  const struct world_verb *verb;
  const char *texts[WORLD_FLAGS_MAX];
  bool bools[WORLD_FLAGS_MAX];
};
const char *world_flag(const struct world_cli *w, const char *name); /* NULL: not given */
bool world_has(const struct world_cli *w, const char *name);

/* The path of this verb with its arguments and ?override=1; -1 or an exit code. */
int world_path(struct world_cli *w, const char *template, char *ret, size_t size);
/* One request as the user that --as names; takes the body over (NULL: none). */
int world_send(struct world_cli *w, const char *method, const char *path, json_t *body,
               struct cli_reply *ret);
/* As one line of JSON, or key by key for people. */
void world_print(const struct world_cli *w, const json_t *answer);
/* The one request that the table describes. */
int world_simple(struct world_cli *w);

/* Verbs that do more. */
int world_favorite(struct world_cli *w), world_vacation(struct world_cli *w), world_why(struct world_cli *w),
    world_trend(struct world_cli *w), world_job(struct world_cli *w),
    world_settings_verb(struct world_cli *w), world_archive(struct world_cli *w),
    world_export(struct world_cli *w), world_import(struct world_cli *w), world_erase(struct world_cli *w),
    world_keep(struct world_cli *w), world_members(struct world_cli *w), world_events(struct world_cli *w),
    world_state(struct world_cli *w), world_live(struct world_cli *w), world_summaries(struct world_cli *w);
