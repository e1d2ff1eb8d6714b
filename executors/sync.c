/* sync (seed A): what worlds hold in the live state goes into the database; vacations that are over end. Meaning and
 * safety are in worlds/sync_calls.c. */
#include "executors/world_pages.h"

static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "tells how many worlds would be saved, changes nothing",
     .help_es = "dice cuántos mundos se guardarían, no cambia nada"},
    {},
};

static const char *const sums[] = {"worldsSynced",     "successfulUpdates", "failedUpdates",
                                   "orphansDiscarded", "vacationsEnded",    NULL};

struct sync_run {
  struct child *child;
  json_t *totals;
};

static void add_page(void *arg, const json_t *page, json_t *next_args) {
  struct sync_run *r = arg;
  (void)next_args;
  world_pages_add(r->totals, page, sums);
  const json_t *failures = json_object_get(page, "failures");
  for (size_t i = 0; i < json_array_size(failures); i++) {
    const json_t *f = json_array_get(failures, i);
    child_print(r->child, "not saved: %s: %s", json_string_value(json_object_get(f, "worldId")),
                json_string_value(json_object_get(f, "message")));
  }
}

static json_int_t total(const struct sync_run *r, const char *key) {
  return json_integer_value(json_object_get(r->totals, key));
}

static int finish(struct sync_run *r, bool is_dry) {
  for (const char *const *key = sums; *key; key++) child_metric(r->child, *key, (double)total(r, *key));
  child_print(r->child, "%s%lld worlds synced: %lld saved, %lld failed; %lld vacations ended",
              is_dry ? "dry run: " : "", (long long)total(r, "worldsSynced"),
              (long long)total(r, "successfulUpdates"), (long long)total(r, "failedUpdates"),
              (long long)total(r, "vacationsEnded"));
  json_t *result = json_deep_copy(r->totals);
  json_object_set_new(result, "success", json_boolean(total(r, "failedUpdates") == 0));
  json_object_set_new(result, "dryRun", json_boolean(is_dry));
  child_result(r->child, result);
  if (total(r, "failedUpdates") == 0) return EXECUTOR_OK;
  child_print(r->child, "error: %lld worlds could not be saved; they stay dirty and are tried again",
              (long long)total(r, "failedUpdates"));
  return EXECUTOR_FAILED;
}

static int run(struct child *child) {
  struct err_detail detail = {};
  bool is_dry = json_is_true(json_object_get(child_params(child), "dryRun"));
  struct sync_run r = {.child = child, .totals = json_object()};
  enum err e =
      world_pages(child, "sync.page", json_pack("{s:b}", "dryRun", (int)is_dry), add_page, &r, &detail);
  child_progress(child, 0.9, "vacations");
  if (e == ERR_OK)
    e = world_pages(child, "sync.vacations", json_pack("{s:b}", "dryRun", (int)is_dry), add_page, &r,
                    &detail);
  int code = e == ERR_OK ? finish(&r, is_dry) : world_pages_failed(child, e, &detail);
  json_decref(r.totals);
  return code;
}

const struct executor executor_sync = {
    .name = "sync",
    .class_name = "SyncExecutor",
    .description = "Saves what worlds hold in the live state; ends vacations that are over",
    .description_es =
        "Guarda lo que los mundos tienen en el estado vivo; termina las vacaciones que han pasado",
    .params = params,
    .needs_channel = true,
    .run = run,
};
