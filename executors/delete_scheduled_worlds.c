/* delete-scheduled-worlds (seed B): worlds whose deletion has come are exported, verified and removed. */
#include "executors/world_pages.h"

static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "tells which, deletes nothing",
     .help_es = "dice cuáles, no borra nada"},
    {},
};
static const char *const sums[] = {"due", "deleted", "failed", "notYet", "freedBytes", NULL};

struct delete_run {
  struct child *child;
  json_t *totals, *failed_ids;
};

static void add_page(void *arg, const json_t *page, json_t *next_args) {
  struct delete_run *r = arg;
  (void)next_args;
  world_pages_add(r->totals, page, sums);
  json_array_extend(r->failed_ids, json_object_get(page, "failedWorldIds"));
  const json_t *would = json_object_get(page, "wouldDelete");
  for (size_t i = 0; i < json_array_size(would); i++)
    child_print(r->child, "would be deleted: %s", json_string_value(json_array_get(would, i)));
}

static json_int_t total(const struct delete_run *r, const char *key) {
  return json_integer_value(json_object_get(r->totals, key));
}

/* Worlds that could not be deleted are named; the run fails, so that the usual alerts tell (B-49). */
static int finish(struct delete_run *r) {
  json_int_t deleted = total(r, "deleted"), failed = total(r, "failed");
  child_metric(r->child, "deleted", (double)deleted);
  child_metric(r->child, "failed", (double)failed);
  child_print(r->child,
              "%lld deleted, %lld failed, %lld not yet (protected, not warned long enough, or in use)",
              (long long)deleted, (long long)failed, (long long)total(r, "notYet"));
  child_result(r->child, json_pack("{s:b, s:I, s:I, s:O, s:I, s:I}", "success", (int)(failed == 0), "deleted",
                                   deleted, "failed", failed, "failedWorldIds", r->failed_ids, "notYet",
                                   total(r, "notYet"), "freedBytes", total(r, "freedBytes")));
  return failed == 0 ? EXECUTOR_OK : EXECUTOR_FAILED;
}

static int run(struct child *child) {
  struct err_detail detail = {};
  struct delete_run r = {.child = child, .totals = json_object(), .failed_ids = json_array()};
  json_t *args = json_pack("{s:O}", "dryRun", json_object_get(child_params(child), "dryRun"));
  enum err e = world_pages(child, "delete.page", args, add_page, &r, &detail);
  int code = e == ERR_OK ? finish(&r) : world_pages_failed(child, e, &detail);
  json_decref(r.totals);
  json_decref(r.failed_ids);
  return code;
}

const struct executor executor_delete_scheduled_worlds = {
    .name = "delete-scheduled-worlds",
    .class_name = "DeleteScheduledWorldsExecutor",
    .description = "Deletes worlds whose announced deletion has come, after an export",
    .description_es = "Borra los mundos cuyo borrado anunciado ha llegado, después de exportarlos",
    .params = params,
    .needs_channel = true,
    .run = run,
};
