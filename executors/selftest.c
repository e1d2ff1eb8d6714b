/* Shows that the way from a schedule to a run and its record works, without doing anything: prints,
 * waits, reports progress, ends as it is told. */
#include <poll.h>

#include "base/json.h"
#include "warden/child.h"

static const struct executor_param params[] = {
    {.name = "lines",
     .type = PARAM_INT,
     .max = 1000000,
     .default_json = "1",
     .help = "lines of output",
     .help_es = "líneas de salida"},
    {.name = "seconds",
     .type = PARAM_REAL,
     .max = 86400,
     .default_json = "0",
     .help = "how long it takes",
     .help_es = "cuánto tarda"},
    {.name = "exitCode",
     .type = PARAM_INT,
     .max = 255,
     .default_json = "0",
     .help = "its exit code",
     .help_es = "su código de salida"},
    {},
};

#define STEPS 20

/* In steps, so that progress is seen and a TERM ends it. */
static bool wait_seconds(struct child *child, double seconds) {
  for (int step = 1; step <= STEPS && seconds > 0; step++) {
    (void)poll(NULL, 0, (int)(seconds * 1000 / STEPS));
    if (child_is_asked_to_stop(child)) return false;
    child_progress(child, (double)step / STEPS, NULL);
  }
  return true;
}

static int run(struct child *child) {
  const json_t *p = child_params(child);
  int64_t lines = json_int_at(p, "lines", 1);
  for (int64_t i = 1; i <= lines; i++) child_print(child, "self test, line %lld", (long long)i);
  bool is_whole = wait_seconds(child, json_number_value(json_object_get(p, "seconds")));
  child_result(child, json_pack("{s:I,s:b}", "lines", (json_int_t)lines, "whole", is_whole));
  return is_whole ? (int)json_int_at(p, "exitCode", 0) : EXECUTOR_RETRY;
}

const struct executor executor_selftest = {
    .name = "selftest",
    .class_name = "SelfTestExecutor",
    .description = "Prints lines, waits, and ends with a given exit code",
    .description_es = "Escribe líneas, espera y termina con el código de salida que se le da",
    .params = params,
    .run = run,
};
