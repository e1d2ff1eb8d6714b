#include <stdio.h>
#include <string.h>

#include "app/serve.h"
#include "app/verbs.h"
#include "cli/cli_explain.h"
#include "cli/cli_next.h"
#include "cli/cli_verbs.h"
#include "sim/verb_sim.h"
#include "warden/exec_main.h"
#include "warden/warden.h"

struct verb {
  const char *name;
  int (*run)(int argc, char **argv); /* argv[0] is the verb */
  const char *help;
};

static int print_version(int argc, char **argv);
static int print_help(int argc, char **argv);

static const struct verb verbs[] = {
    {"serve", serve_main, "the server: scheduler, API, live stream"},
    {"run", cli_run, "run jobs now and wait for them"},
    {"jobs", cli_jobs, "list, show, add, edit, rm, enable, disable jobs; list executors"},
    {"runs", cli_runs, "list, show, cancel runs"},
    {"logs", cli_logs, "the server's log, or a run's output"},
    {"next", cli_next, "when a schedule fires"},
    {"explain", cli_explain, "a schedule in words"},
    {"pause", cli_pause, "pause a job, a category, or all"},
    {"resume", cli_pause, "resume what was paused"},
    {"why", cli_why, "why a job runs, waits or did not run"},
    {"worlds", cli_worlds, "worlds: list, message, pause, resume, why, export and more"},
    {"doctor", verb_doctor, "what is wrong, and what to do"},
    {"audit", verb_audit, "prove that nothing was missed or doubled"},
    {"import", cli_import, "import a crontab with a proof, vercel.json, workflows, systemd timers"},
    {"export", cli_export, "export jobs as a crontab"},
    {"config", verb_config, "every setting with its origin"},
    {"token", cli_token, "API tokens"},
    {"user", cli_user, "accounts and login links"},
    {"backup", verb_backup, "copy the database while the server runs"},
    {"restore", verb_restore, "put a backup back"},
    {"migrate", verb_migrate, "the worlds' tables, up or down, with the server stopped"},
    {"sim", verb_sim, "simulate worlds with and without their jobs, and judge what was claimed"},
    {"completion", cli_completion, "words for your shell"},
    {"exec", exec_main, "run one built-in executor by hand"},
    {"warden", warden_main, "the process that watches runs; serve starts it"},
    {"version", print_version, "print the version"},
    {"help", print_help, "this"},
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int print_version(int argc, char **argv) {
  (void)argc, (void)argv;
  (void)puts("sereno " SERENO_VERSION);
  return 0;
}

static int print_help(int argc, char **argv) {
  (void)argc, (void)argv;
  (void)puts("sereno VERB [ARGUMENTS]    sereno VERB --help tells more\n");
  for (size_t i = 0; i < VERB_COUNT; i++) (void)printf("  %-11s %s\n", verbs[i].name, verbs[i].help);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return print_help(argc, argv);
  if (strcmp(argv[1], "--version") == 0) return print_version(argc, argv);
  for (size_t i = 0; i < VERB_COUNT; i++)
    if (strcmp(argv[1], verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
  (void)fprintf(stderr, "sereno: there is no verb \"%s\"; sereno help lists them\n", argv[1]);
  return 2;
}
