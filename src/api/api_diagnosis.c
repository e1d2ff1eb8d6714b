/* Why it is slow, and what the jobs of the worlds do, measured. */
#include "api/api_round.h"
#include "base/embedded.h"

#define LOOK_MS (86400000LL)

SHAPE_OF(tight_job, "TightJob", 0, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
         OUT("usualMs", INT, 0, "95th percentile of the last twenty successes and timeouts"),
         OUT("intervalMs", INT, 0, "from one due instant to the next"), OUT("ratio", REAL3, 0, "of the two"));
SHAPE_OF(diagnosis_live, "DiagnosisLive", 0, OUT("mode", TEXT, 0, ""), OUT("server", TEXT, 0, ""),
         OUT("usedBytes", INT, 0, ""), OUT("isMeasured", BOOL, 0, "false: a model of it"),
         OUT("worlds", INT, 0, ""), OUT("dirtyWorlds", INT, 0, "not saved yet"),
         OUT("oldestDirtyAt", INSTANT, FIELD_NULLABLE, ""),
         OUT("durability", TEXT, 0, "what a crash may cost"));
SHAPE_OF(diagnosis_store, "DiagnosisStore", 0,
         OUT("databaseBytes", INT, 0, "0 where the server is another's"), OUT("walBytes", INT, 0, ""),
         OUT("ledgerRows", INT, 0, ""), OUT("runRows", INT, 0, ""));
static const struct shape_part diagnosis_parts[] = {{"tight", &tight_job_shape, PART_LIST},
                                                    {"store", &diagnosis_store_shape, PART_OBJECT},
                                                    {"live", &diagnosis_live_shape, PART_NULLABLE},
                                                    {"impact", NULL, PART_NULLABLE}};
SHAPE_PARTS(diagnosis, "Diagnosis", NULL, diagnosis_parts, OUT("at", INSTANT, 0, ""),
            OUT("tightTotal", INT, 0, "jobs whose runs take more than half of their interval"),
            OUT("jobs", INT, 0, ""), OUT("active", INT, 0, ""),
            OUT("planned", INT, 0, "instants of the coming day"),
            OUT("busyMs", INT, 0, "what they will take, by the usual durations"),
            OUT("usualMs", INT, 0, "median duration of all, of the last day"),
            OUT("maxConcurrentJobs", INT, 0, ""), OUT("defaultTimeout", INT, FIELD_NULLABLE, "seconds"),
            OUT("rssBytes", INT, 0, "of the server"), OUT("isEstimated", BOOL, 0, "see RoundLoad"));

static void write_tight(struct json_writer *w, const struct ahead *a) {
  jw_key(w, "tight");
  jw_array(w);
  for (size_t i = 0; i < a->tight_count; i++) {
    const struct ahead_tight *t = &a->tight[i];
    jw_object(w);
    jw_ktext(w, "jobId", t->id);
    jw_ktext(w, "jobName", t->name);
    jw_kint(w, "usualMs", t->usual_ms);
    jw_kint(w, "intervalMs", t->interval_ms);
    jw_kreal(w, "ratio", (double)t->usual_ms / (double)t->interval_ms);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void write_live(struct json_writer *w, const struct engine_worlds *worlds) {
  jw_key(w, "live");
  if (!worlds->has_live) {
    jw_null(w);
    return;
  }
  const struct live_status *live = &worlds->live;
  jw_object(w);
  jw_ktext(w, "mode", worlds->live_mode);
  jw_ktext(w, "server", live->server);
  jw_kint(w, "usedBytes", live->used_bytes);
  jw_kbool(w, "isMeasured", live->is_measured);
  jw_kint(w, "worlds", live->worlds);
  jw_kint(w, "dirtyWorlds", live->dirty_worlds);
  jw_key(w, "oldestDirtyAt");
  if (live->oldest_dirty_ms == INSTANT_NONE) jw_null(w);
  else jw_instant(w, live->oldest_dirty_ms);
  jw_ktext(w, "durability", live->durability);
  jw_object_end(w);
}

static void on_health(struct call *c, struct store_read *read) {
  struct api_ahead *held = c->state;
  const struct ahead *a = api_ahead_of(held);
  const struct settings *settings = engine_settings(c->api->engine);
  struct engine_worlds worlds = engine_worlds(c->api->engine);
  struct str impact = embedded_find("docs/impact.json");
  int64_t busy_ms = 0;
  if (read->error != ERR_OK) {
    api_ahead_unref(held);
    c->detail = read->detail;
    return call_fail(c, read->error);
  }
  for (size_t i = 0; i < a->bucket_count; i++) busy_ms += a->buckets[i].busy_ms;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kinstant(w, "at", call_now_ms(c));
  jw_kint(w, "tightTotal", (int64_t)a->tight_total);
  jw_kint(w, "jobs", a->jobs);
  jw_kint(w, "active", a->active);
  jw_kint(w, "planned", a->planned);
  jw_kint(w, "busyMs", busy_ms);
  jw_kint(w, "usualMs", a->usual_ms);
  jw_kint(w, "maxConcurrentJobs", settings->max_concurrent);
  jw_key(w, "defaultTimeout");
  if (settings->default_timeout == FIELD_NULL) jw_null(w);
  else jw_int(w, settings->default_timeout);
  jw_kint(w, "rssBytes", engine_load(c->api->engine).rss_bytes);
  jw_kbool(w, "isEstimated", a->is_estimated);
  write_tight(w, a);
  jw_key(w, "store");
  jw_object(w);
  jw_kint(w, "databaseBytes", read->health.database_bytes);
  jw_kint(w, "walBytes", read->health.wal_bytes);
  jw_kint(w, "ledgerRows", read->health.ledger_rows);
  jw_kint(w, "runRows", read->health.run_rows);
  jw_object_end(w);
  write_live(w, &worlds);
  jw_key(w, "impact");
  jw_raw(w, impact.ptr ? impact : STR("null"));
  jw_object_end(w);
  api_ahead_unref(held);
  call_end(c, 200);
}

static void on_diagnosis_ahead(struct call *c, struct api_ahead *held) {
  struct store_read *r = store_read_new(READ_HEALTH, call_now_ms(c));
  if (!r) {
    api_ahead_unref(held);
    return call_fail(c, ERR_NO_MEMORY);
  }
  c->state = held;
  call_read_any(c, r, on_health);
}

void diagnosis_get(struct call *c) {
  int64_t from_ms = load_bucket(call_now_ms(c));
  api_ahead_get(c, from_ms, from_ms + LOOK_MS, on_diagnosis_ahead);
}
