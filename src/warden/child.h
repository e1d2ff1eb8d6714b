/* The runtime of a built-in executor, and the table of all of them. An executor is one file
 * executors/NAME.c that defines `const struct executor executor_NAME`, and one line in
 * executors/registry.def. It runs in a process of its own, forked from the warden: it may block, leak and
 * crash. It sees model/, base/ and this header, opens neither store nor live state (DESIGN 7). */
#pragma once
#include <jansson.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

enum executor_exit { /* exit codes of every executor, foreign ones too (DESIGN 7) */
                     EXECUTOR_OK = 0,
                     EXECUTOR_FAILED = 1,
                     EXECUTOR_RETRY = 75,
                     EXECUTOR_SKIPPED = 77,
                     EXECUTOR_TIMEOUT = 124,
                     EXECUTOR_COULD_NOT_START = 125,
};

enum param_type { PARAM_TEXT, PARAM_INT, PARAM_REAL, PARAM_BOOL, PARAM_TEXTS, PARAM_OBJECT };

struct executor_param {
  const char *name; /* NULL ends the table */
  enum param_type type;
  bool is_required;
  bool is_secret; /* masked wherever parameters are shown, with everything inside */
  const char *const
      *shown; /* of a secret object: keys whose values are harmless, in any case; NULL-ended, NULL: none */
  double min; /* of a number, or of a text's bytes or a list's entries; both 0: no bound */
  double max;
  const char *default_json;   /* NULL: none */
  const char *help;           /* one English sentence */
  const char *help_es;        /* the same in Spanish */
  const char *const *choices; /* of a text; NULL: any; ends with NULL */
};

struct child;

struct executor {
  const char *name;                    /* what a job's command says, e.g. "temp_files_cleanup" */
  const char *class_name;              /* e.g. "TempFilesCleanupExecutor" */
  const char *description;             /* in English */
  const char *description_es;          /* in Spanish */
  const struct executor_param *params; /* NULL: none */
  bool needs_channel;                  /* fd 4, calls into worlds/ and store/ (DESIGN 7) */
  bool is_off_by_default;              /* the configuration has to enable it */
  int (*run)(struct child *child);     /* enum executor_exit, or any other code: failed */
};

const char *param_type_text(enum param_type type); /* "list of text", as the schema says it */
/* In the order of executors/registry.def; ends with NULL. */
extern const struct executor *const executors[];
const struct executor *executor_find(struct str name); /* NULL: none of that name */
/* Types, bounds, choices, required and unknown members. Detail names the parameter. */
enum err executor_check_params(const struct executor *e, const json_t *params, struct err_detail *detail);

struct child_context {
  struct str run_id; /* SERENO_RUN_ID */
  struct str job_id; /* SERENO_RUN_JOB */
  int64_t run_no;
  int attempt;
  int64_t due_ms;      /* INSTANT_NONE for manual runs */
  int64_t deadline_ms; /* wall clock, when TERM comes */
  int64_t timeout_ms;  /* from its start until then */
};

/* Parameters with the defaults filled in, checked. Borrowed. */
const json_t *child_params(const struct child *child);
const struct child_context *child_context(const struct child *child);
/* Milliseconds until TERM, at least 0, on a clock that nobody sets. A long executor stops by itself before. */
int64_t child_time_left_ms(const struct child *child);
/* Has TERM come? Then finish or put aside what is done, within the grace. */
bool child_is_asked_to_stop(const struct child *child);
int child_channel_fd(const struct child *child); /* fd 4, or -1 */

/* ---- the channel: calls into worlds/ that serve carries out (worlds/worlds.h, calls.def) ---- */
/* Asks and waits for the answer: args (taken over) is an object; *ret_body is the caller's. payload and *ret_payload
 * (malloc'ed bytes of the caller's, with their length) may be NULL. When serve has gone this does not return: the
 * child exits with EXECUTOR_RETRY, and its attempt is repeated without counting (DESIGN 7). Errors are those of the
 * call; ERR_UNAVAILABLE: this executor was started without a channel. */
enum err child_call(struct child *child, const char *call, json_t *args, const struct str *payload,
                    json_t **ret_body, struct str *ret_payload, struct err_detail *detail);
/* For tests and the simulation: an executor run in this process whose calls go to fn instead of a descriptor; its
 * result is given back instead of written. */
typedef enum err child_call_fn(void *arg, const char *call, json_t *args, const struct str *payload,
                               json_t **ret_body, struct str *ret_payload, struct err_detail *detail);
int child_run_here(const struct executor *e, const struct child_context *context, const json_t *params,
                   child_call_fn *fn, void *arg, json_t **ret_result);

/* One line of output; a newline is added. */
[[gnu::format(printf, 2, 3)]] void child_print(struct child *child, const char *format, ...);
void child_progress(struct child *child, double fraction, const char *message); /* 0–1 */
void child_metric(struct child *child, const char *name, double value);
/* The run's result, a JSON object, at most WARDEN_RESULT_BYTES_MAX as text; the last one counts. Takes
 * the reference over. */
void child_result(struct child *child, json_t *result);
/* Prints "error: field: message (hint)" and returns EXECUTOR_FAILED, so that failing is one line. */
int child_fail(struct child *child, const struct err_detail *detail);

/* For the warden and `sereno exec`: runs e in this process; returns the exit code. params is JSON text. */
int child_run(const struct executor *e, const struct child_context *context, struct str params,
              int channel_fd);
