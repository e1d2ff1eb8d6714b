/* cleanup (seed A): live state of worlds idle for more than an hour is saved and removed, with old temporary events and
 * locks nobody holds. Meaning and safety are in worlds/cleanup_calls.c. */
#include <string.h>

#include "executors/world_pages.h"

static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "tells how many worlds and events would be removed, changes nothing",
     .help_es = "dice cuántos mundos y eventos se quitarían, no cambia nada"},
    {},
};

static const char *const sums[] = {"worldsCleaned",
                                   "orphanLocksRemoved",
                                   "tempEventsCleanedCount",
                                   "memoryFreedBytes",
                                   "worldsBusy",
                                   "worldsFailed",
                                   NULL};

struct cleanup_run {
  struct child *child;
  json_t *totals;
  bool is_model; /* of at least one page */
};

static void add_page(void *arg, const json_t *page, json_t *next_args) {
  struct cleanup_run *r = arg;
  (void)next_args;
  world_pages_add(r->totals, page, sums);
  const char *method = json_string_value(json_object_get(page, "estimateMethod"));
  r->is_model = r->is_model || (method && strcmp(method, "model") == 0);
}

static json_int_t total(const struct cleanup_run *r, const char *key) {
  return json_integer_value(json_object_get(r->totals, key));
}

static int finish(struct cleanup_run *r, bool is_dry) {
  double freed_mb = (double)total(r, "memoryFreedBytes") / (1024.0 * 1024.0);
  for (const char *const *key = sums; *key; key++) child_metric(r->child, *key, (double)total(r, *key));
  child_metric(r->child, "estimatedMemoryFreedMB", freed_mb);
  child_print(
      r->child,
      "%s%lld worlds cleaned, %lld orphan locks and %lld temporary events removed, %.2f MB freed (%s)",
      is_dry ? "dry run: " : "", (long long)total(r, "worldsCleaned"),
      (long long)total(r, "orphanLocksRemoved"), (long long)total(r, "tempEventsCleanedCount"), freed_mb,
      r->is_model ? "model" : "measured");
  json_t *result = json_deep_copy(r->totals);
  json_object_set_new(result, "success", json_boolean(total(r, "worldsFailed") == 0));
  json_object_set_new(result, "estimatedMemoryFreedMB", json_real(freed_mb));
  json_object_set_new(result, "estimateMethod", json_string(r->is_model ? "model" : "measured"));
  json_object_set_new(result, "dryRun", json_boolean(is_dry));
  child_result(r->child, result);
  if (total(r, "worldsFailed") == 0) return EXECUTOR_OK;
  child_print(r->child, "error: %lld worlds could not be saved, so they were not removed",
              (long long)total(r, "worldsFailed"));
  return EXECUTOR_FAILED;
}

static int run(struct child *child) {
  struct err_detail detail = {};
  bool is_dry = json_is_true(json_object_get(child_params(child), "dryRun"));
  struct cleanup_run r = {.child = child, .totals = json_object()};
  enum err e =
      world_pages(child, "cleanup.page", json_pack("{s:b}", "dryRun", (int)is_dry), add_page, &r, &detail);
  int code = e == ERR_OK ? finish(&r, is_dry) : world_pages_failed(child, e, &detail);
  json_decref(r.totals);
  return code;
}

const struct executor executor_cleanup = {
    .name = "cleanup",
    .class_name = "CleanupExecutor",
    .description = "Saves and removes the live state of idle worlds, old temporary events and orphan locks",
    .description_es =
        "Guarda y retira el estado vivo de los mundos sin uso, los eventos temporales viejos y los bloqueos "
        "huérfanos",
    .params = params,
    .needs_channel = true,
    .run = run,
};
