#include "warden/exec_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "warden/child.h"

#define EXIT_USAGE 2
#define LINES_FD 3
#define TIMEOUT_SECONDS 3600
#define TIMEOUT_SECONDS_MAX (100 * 86400)

struct arguments {
  const struct executor *executor;
  struct str params;
  int64_t timeout_seconds;
  bool is_list;
};

static enum err read_arguments(int argc, char **argv, struct arguments *ret, struct err_detail *detail) {
  struct arguments a = {.params = STR("{}"), .timeout_seconds = TIMEOUT_SECONDS};
  for (int i = 1; i < argc; i++) {
    struct str arg = str_of(argv[i]);
    bool has_value = i + 1 < argc;
    if (str_eq(arg, STR("--list"))) {
      a.is_list = true;
    } else if (str_eq(arg, STR("--params")) && has_value) {
      a.params = str_of(argv[++i]);
    } else if (str_eq(arg, STR("--timeout")) && has_value) {
      if (!str_to_int(str_of(argv[++i]), 1, TIMEOUT_SECONDS_MAX, &a.timeout_seconds))
        return err_set(detail, ERR_INVALID, "--timeout", 0, "\"%s\" is not a number of seconds", argv[i]);
    } else if (a.executor || str_starts(arg, STR("-"))) {
      return err_set(detail, ERR_INVALID, argv[i], 0, "is not understood");
    } else if (!(a.executor = executor_find(arg))) {
      return err_set(detail, ERR_NOT_FOUND, argv[i], 0, "there is no executor of this name");
    }
  }
  if (!a.executor && !a.is_list) return err_set(detail, ERR_INVALID, "NAME", 0, "no executor is named");
  *ret = a;
  return ERR_OK;
}

static int list_executors(void) {
  for (const struct executor *const *e = executors; *e; e++) {
    (void)printf("%-24s %s\n", (*e)->name, (*e)->description);
    for (const struct executor_param *p = (*e)->params; p && p->name; p++)
      (void)printf("  %-22s %s%s\n", p->name, p->help, p->is_required ? " (required)" : "");
  }
  return 0;
}

static int run_by_hand(const struct arguments *a) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  struct id_maker maker = {};
  struct id_text run_id = id_to_text(id_next(&maker, now_ms));
  struct child_context context = {
      .run_id = str_of(run_id.text),
      .job_id = STR(""),
      .run_no = maker.last,
      .attempt = 1,
      .due_ms = INSTANT_NONE,
      .deadline_ms = now_ms + a->timeout_seconds * 1000,
      .timeout_ms = a->timeout_seconds * 1000,
  };
  if (fcntl(LINES_FD, F_GETFD) < 0) (void)dup2(STDERR_FILENO, LINES_FD);
  return child_run(a->executor, &context, a->params, -1);
}

int exec_main(int argc, char **argv) {
  struct arguments a = {};
  struct err_detail d = {};
  if (read_arguments(argc, argv, &a, &d) != ERR_OK) {
    (void)dprintf(STDERR_FILENO,
                  "sereno exec: %s: %s\nusage: sereno exec NAME [--params JSON] [--timeout SECONDS] "
                  "| --list\n",
                  d.field, d.message);
    return EXIT_USAGE;
  }
  return a.is_list ? list_executors() : run_by_hand(&a);
}
