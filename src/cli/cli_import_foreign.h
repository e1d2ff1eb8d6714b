/* `sereno import FILE` for vercel.json and GitHub workflows. */
#pragma once
#include "cli/cli.h"

struct foreign_args {
  bool dry_run, replace;
  const char *prefix, *base; /* base: the address before the paths of vercel.json; NULL: none */
};
/* By the name of the file: *.json, *.yml, *.yaml. */
bool cli_is_foreign(const char *file);
int cli_import_foreign(struct cli *c, const struct foreign_args *a, const char *file);
