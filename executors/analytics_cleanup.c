/* analytics_cleanup: rows of "WorldAnalytics" older than analyticsRetentionDays are deleted. */
#include "executors/world_pages.h"

static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "counts, deletes nothing",
     .help_es = "cuenta, no borra nada"},
    {},
};
static const char *const sums[] = {"deleted", NULL};

static void add_page(void *arg, const json_t *page, json_t *next_args) {
  (void)next_args;
  world_pages_add(arg, page, sums);
}

static int run(struct child *child) {
  struct err_detail detail = {};
  json_t *totals = json_object();
  const json_t *is_dry = json_object_get(child_params(child), "dryRun");
  json_t *args = json_pack("{s:b}", "dryRun", (int)json_is_true(is_dry));
  enum err e = world_pages(child, "analytics.page", args, add_page, totals, &detail);
  json_int_t deleted = json_integer_value(json_object_get(totals, "deleted"));
  json_decref(totals);
  if (e != ERR_OK) return world_pages_failed(child, e, &detail);
  child_metric(child, "deleted", (double)deleted);
  child_print(child, json_is_true(is_dry) ? "%lld rows would be deleted" : "%lld rows deleted",
              (long long)deleted);
  child_result(child, json_pack("{s:b, s:I}", "success", 1, "deleted", deleted));
  return EXECUTOR_OK;
}

const struct executor executor_analytics_cleanup = {
    .name = "analytics_cleanup",
    .class_name = "AnalyticsCleanupExecutor",
    .description = "Deletes old rows of the worlds' analytics",
    .description_es = "Borra filas viejas de la analítica de los mundos",
    .params = params,
    .needs_channel = true,
    .run = run,
};
