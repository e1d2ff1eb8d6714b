/* `sereno import FILE` for vercel.json, GitHub workflows and systemd timers. */
#pragma once
#include "cli/cli.h"

struct foreign_args {
  bool dry_run, replace;
  const char *prefix, *base; /* base: the address before the paths of vercel.json; NULL: none */
  const char *zone;          /* of timers that name none */
};
/* By the name of the file: *.json, *.yml, *.yaml. */
bool cli_is_foreign(const char *file);
int cli_import_foreign(struct cli *c, const struct foreign_args *a, const char *file);
/* Every argument is a FILE.timer, its service beside it. */
bool cli_is_timer(const char *file);
int cli_import_timers(struct cli *c, const struct foreign_args *a);
/* Creates (or with replace: changes) the job, and tells so in a line. */
int cli_import_job(struct cli *c, const struct foreign_args *a, const json_t *body);
