/* auto-pause (seeds A and B, X-1): idle worlds go up the ladder. Meaning and safety are in worlds/pause_*.c. */
#include <string.h>

#include "executors/world_pages.h"

#define NOTICES 100 /* lines "World auto-paused" of one run; then one line sums up */
#define BYTES_PER_MB (1024.0 * 1024.0)

#define THRESHOLD(key, what, spanish)                                         \
  {                                                                           \
    .name = key, .type = PARAM_INT, .min = 1, .max = 87600,                   \
    .help = "instead of the setting: idle this long is " what,                \
    .help_es = "en lugar del ajuste: sin uso durante este tiempo se " spanish \
  }
static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "tells what would happen, changes nothing",
     .help_es = "dice qué pasaría, no cambia nada"},
    THRESHOLD("pauseAfterHours", "paused", "pausa"),
    THRESHOLD("archiveAfterDays", "archived", "archiva"),
    THRESHOLD("markAfterDays", "marked for deletion", "marca para borrar"),
    THRESHOLD("deleteAfterDays", "deleted", "borra"),
    {},
};

static const char *const sums[] = {"worldsEvaluated",
                                   "pausedBy24h",
                                   "pausedBy7d",
                                   "pausedBy30d",
                                   "newlyPaused",
                                   "escalatedTo7d",
                                   "escalatedTo30d",
                                   "skippedFavorites",
                                   "skippedWithEvents",
                                   "skippedMembers",
                                   "released",
                                   "mailsQueued",
                                   "busy",
                                   "failed",
                                   "freedBytes",
                                   "measured",
                                   "llmCalls",
                                   "costMicroUSD",
                                   "modelMB",
                                   NULL};

struct pause_run {
  struct child *child;
  json_t *totals, *failed_ids;
};

static void add_page(void *arg, const json_t *page, json_t *next_args) {
  struct pause_run *r = arg;
  world_pages_add(r->totals, page, sums);
  json_array_extend(r->failed_ids, json_object_get(page, "failedWorldIds"));
  const json_t *affected = json_object_get(page, "affected");
  for (size_t i = 0; i < json_array_size(affected); i++) {
    const json_t *w = json_array_get(affected, i);
    child_print(r->child, "would be %s: %s", json_string_value(json_object_get(w, "action")),
                json_string_value(json_object_get(w, "worldId")));
  }
  json_object_set(next_args, "notices", json_object_get(page, "notices"));
  const json_t *class = json_object_get(json_object_get(page, "next"), "class");
  child_progress(r->child, class ? (double)json_integer_value(class) / 6 : 1, NULL);
}

static json_int_t total(const struct pause_run *r, const char *key) {
  return json_integer_value(json_object_get(r->totals, key));
}

/* Per day ahead, of the newly paused ones only; memory as measured, else by the model (B-46, X-20). */
static json_t *savings(const struct pause_run *r) {
  json_int_t freed = total(r, "freedBytes");
  bool is_measured = freed > 0;
  json_t *mb = is_measured ? json_real((double)freed / BYTES_PER_MB) : json_integer(total(r, "modelMB"));
  return json_pack("{s:I, s:o, s:f, s:i, s:s}", "llmCalls", total(r, "llmCalls"), "redisMemoryMB", mb,
                   "costUSD", (double)total(r, "costMicroUSD") / 1e6, "horizonDays", 1, "estimateMethod",
                   is_measured ? "measured" : "model");
}

static json_t *result(const struct pause_run *r, json_int_t paused, bool is_dry) {
  static const char *const shown[] = {"pausedBy24h",      "pausedBy7d",
                                      "pausedBy30d",      "newlyPaused",
                                      "escalatedTo7d",    "escalatedTo30d",
                                      "skippedFavorites", "skippedWithEvents",
                                      "skippedMembers",   "released",
                                      "mailsQueued",      "busy",
                                      "failed",           NULL};
  json_t *stats = json_pack("{s:I}", "totalPaused", paused);
  for (const char *const *key = shown; *key; key++)
    json_object_set(stats, *key, json_object_get(r->totals, *key));
  json_object_set(stats, "failedWorldIds", r->failed_ids);
  json_object_set_new(stats, "estimatedSavings", savings(r));
  return json_pack("{s:b, s:o, s:I, s:I, s:b}", "success", (int)(total(r, "failed") == 0), "stats", stats,
                   "worldsEvaluated", total(r, "worldsEvaluated"), "worldsPaused", paused, "dryRun",
                   (int)is_dry);
}

static int finish(struct pause_run *r, bool is_dry) {
  json_int_t paused = total(r, "pausedBy24h") + total(r, "pausedBy7d") + total(r, "pausedBy30d");
  child_metric(r->child, "worldsEvaluated", (double)total(r, "worldsEvaluated"));
  child_metric(r->child, "worldsPaused", (double)paused);
  child_metric(r->child, "newlyPaused", (double)total(r, "newlyPaused"));
  child_metric(r->child, "mailsQueued", (double)total(r, "mailsQueued"));
  child_print(r->child,
              "%s%lld worlds evaluated, totalPaused %lld: %lld new, %lld archived, %lld marked; skipped %lld "
              "favourites, "
              "%lld with events, %lld with active members; %lld marks taken back; %lld mails",
              is_dry ? "dry run: " : "", (long long)total(r, "worldsEvaluated"), (long long)paused,
              (long long)total(r, "newlyPaused"), (long long)total(r, "escalatedTo7d"),
              (long long)total(r, "escalatedTo30d"), (long long)total(r, "skippedFavorites"),
              (long long)total(r, "skippedWithEvents"), (long long)total(r, "skippedMembers"),
              (long long)total(r, "released"), (long long)total(r, "mailsQueued"));
  child_result(r->child, result(r, paused, is_dry));
  if (total(r, "failed") == 0) return EXECUTOR_OK;
  child_print(r->child, "error: %lld worlds could not be moved", (long long)total(r, "failed"));
  return EXECUTOR_FAILED;
}

static json_t *page_args(const struct child *child) {
  json_t *settings = json_object(), *value;
  const char *key;
  json_t *given = json_copy((json_t *)(uintptr_t)child_params(child));
  json_object_foreach(given, key, value) if (strcmp(key, "dryRun") != 0 && !json_is_null(value))
      json_object_set(settings, key, value);
  json_decref(given);
  return json_pack("{s:O, s:o, s:i}", "dryRun", json_object_get(child_params(child), "dryRun"), "settings",
                   settings, "notices", NOTICES);
}

static int run(struct child *child) {
  struct err_detail detail = {};
  struct pause_run r = {.child = child, .totals = json_object(), .failed_ids = json_array()};
  enum err e = world_pages(child, "auto_pause.page", page_args(child), add_page, &r, &detail);
  int code = e == ERR_OK ? finish(&r, json_is_true(json_object_get(child_params(child), "dryRun")))
                         : world_pages_failed(child, e, &detail);
  json_decref(r.totals);
  json_decref(r.failed_ids);
  return code;
}

const struct executor executor_auto_pause = {
    .name = "auto-pause",
    .class_name = "AutoPauseExecutor",
    .description = "Pauses idle worlds, archives and marks them for deletion, with the exceptions",
    .description_es = "Pausa los mundos sin uso, los archiva y los marca para borrar, con sus excepciones",
    .params = params,
    .needs_channel = true,
    .run = run,
};
