/* Which program or built-in a job's command names, and what a run of it gets: arguments, environment, stdin.
 * Pure but for looking into the executors folder. */
#pragma once
#include "app/programs.h"
#include "base/arena.h"
#include "model/job.h"
#include "model/run.h"
#include "warden/child.h"
#include "warden/launch.h"

enum launch_way { LAUNCH_WAY_BUILTIN, LAUNCH_WAY_SHELL, LAUNCH_WAY_PROGRAM };

struct launch_world { /* of this server; borrowed texts */
  const struct programs *programs;
  bool is_shell_on;
  const char *path; /* PATH of jobs */
  const char *home, *user;
  const char *http_allow; /* NULL: no private networks */
  const char *temp_roots; /* folders that may be cleaned; NULL: folder/tmp */
  const char *folder;     /* of the data */
};

struct launch_choice {
  enum launch_way way;
  const struct executor *builtin; /* also of the shell: its parameter table */
  char program[4200];
};

/* Only registered executors can be named (DESIGN 7). ERR_INVALID with field "command". */
enum err launch_choose(const struct launch_world *world, const char *command, struct launch_choice *ret,
                       struct err_detail *detail);
/* Checks the parameters of a choice; the detail's field is "params.NAME". params NULL: {}. */
enum err launch_check_params(const struct launch_choice *choice, const char *params,
                             struct err_detail *detail);
/* The spec's texts lie in the arena or are borrowed from job, run and choice. */
enum err launch_spec_of(const struct launch_world *world, const struct launch_choice *choice,
                        const struct job *job, const struct run *run, struct arena *arena,
                        struct warden_launch_spec *ret, struct err_detail *detail);
