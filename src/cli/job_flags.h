/* Flags that name a job's fields: --schedule, --max-runtime or --maxRuntime, --params '{…}'; read by the table of
 * fields, so a new field is a flag at once. */
#pragma once
#include "cli/cli.h"

struct job_flags {
  json_t *body; /* one reference */
  bool has_failed;
  char message[300];
};

/* For struct cli.other_flag; arg is the struct job_flags. */
bool job_flags_take(void *arg, const char *name, const char *value, bool *ret_used_value);
/* FIELD VALUE lines for help texts. */
void job_flags_print_help(void);
