#include "sim/sim_stage.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sys/world.h"
#include "warden/child.h"

const char *const sim_job_names[] = {
    "cleanup", "sync", "auto-pause", "memory-consolidation", "emergent-events", "delete-scheduled-worlds",
    NULL};

/* The defaults of src/model/world_settings.def. */
#define CONSOLIDATE_ABOVE 1000
#define CONSOLIDATE_KEEP 100

#define ROW_COLUMNS "(\"worldId\",\"turn\",\"at\",\"speaker\",\"isUser\",\"place\",\"text\",\"data\")"
static const struct sql_statement statements[SIM_SQL_COUNT] = {
    [SIM_SQL_INSERT] = {"sim insert",
                        "INSERT INTO \"WorldInteraction\" " ROW_COLUMNS
                        " VALUES($1,$2,$3,$4,false,$5,$6,$7) ON CONFLICT DO NOTHING",
                        NULL},
    [SIM_SQL_COUNT_ROWS] = {"sim count rows",
                            "UPDATE \"World\" SET \"interactions\"=\"interactions\"+$2 WHERE \"id\"=$1",
                            NULL},
    [SIM_SQL_PAUSED] = {"sim paused", "SELECT \"id\",\"isPaused\",\"warned\" FROM \"World\"", NULL},
    [SIM_SQL_EXPORTED] =
        {"sim exported",
         "SELECT 1 FROM \"WorldTombstone\" WHERE \"worldId\"=$1 AND \"exportFile\" IS NOT NULL", NULL},
    [SIM_SQL_ROWS] = {"sim rows", "SELECT count(*) FROM \"WorldInteraction\" WHERE \"worldId\"=$1", NULL},
    [SIM_SQL_ARCHIVED] = {"sim archived",
                          "SELECT coalesce(sum(\"count\"),0),coalesce(sum(\"bytes\"),0),"
                          "coalesce(sum(\"storedBytes\"),0) FROM \"InteractionArchive\" WHERE "
                          "($1='' OR \"worldId\"=$1) AND \"createdAt\">=$2",
                          NULL},
    [SIM_SQL_ROWS_MAX] = {"sim rows max", "SELECT coalesce(max(\"interactions\"),0) FROM \"World\"", NULL},
    [SIM_SQL_STORY] =
        {"sim story",
         "SELECT count(*),coalesce(avg(json_extract(\"metricsBefore\",'$.repetition')),0),"
         "coalesce(avg(json_extract(\"metricsAfter\",'$.repetition')),0) FROM \"WorldEvent\" WHERE "
         "\"isEmergent\" AND \"metricsAfter\" IS NOT NULL AND \"createdAt\">=$1",
         NULL},
};

int64_t sim_wall_ns(void) { return (int64_t)world_tick(world_real()).ns; }

int64_t sim_cpu_ns(void) {
  struct timespec t = {};
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void sim_id(size_t owner, char ret[SIM_ID_BYTES]) {
  (void)snprintf(ret, SIM_ID_BYTES, "w%04zu", owner % 10000);
}

size_t sim_owner_of_id(struct str id) {
  int64_t n = 0;
  if (id.len != 5 || !str_to_int(str_from(id, 1), 0, SIM_WORLDS_MAX - 1, &n)) return SIM_WORLDS_MAX;
  return (size_t)n;
}

size_t sim_scaled(const struct sim_stage *s, double bytes) {
  double n = bytes / s->byte_divisor;
  return n < 1 ? 1 : (size_t)n;
}

/* ---- opening ---- */

static enum err open_stores(struct sim_stage *s, struct err_detail *detail) {
  static const unsigned char link_key[32] = {1};
  struct worlds_config config = {.db = {.folder = s->folder},
                                 .live = {.mode = LIVE_EMBEDDED, .is_in_memory = true, .owner = "sim:1"},
                                 .folder = s->folder,
                                 .link_key = link_key,
                                 .timezone = "UTC"};
  struct sqldb_config own = {.folder = s->folder, .statements = statements, .statement_count = SIM_SQL_COUNT};
  struct live_config crashed = config.live;
  crashed.owner = "app:1";
  TRY(worlds_new(&config, &s->worlds, detail));
  TRY(lane_open(s->worlds, &s->lane, detail));
  TRY(live_open(&crashed, &s->crashed, detail));
  TRY(sqldb_open(&own, &s->db, detail));
  json_t *settings = json_pack("{s:b, s:i, s:i}", "tickWhenIdle", 1, "consolidateAbove",
                               CONSOLIDATE_ABOVE / s->lump, "consolidateKeep", CONSOLIDATE_KEEP / s->lump);
  return sim_ask(s, "worlds.settings_edit", NULL, false, settings, NULL, detail);
}

enum err sim_stage_open(struct sim_stage *s, int byte_divisor, int lump, struct err_detail *detail) {
  *s = (struct sim_stage){.byte_divisor = byte_divisor, .lump = lump, .now_ms = SIM_START_MS};
  bool has_memory_files = access("/dev/shm", W_OK) == 0;
  (void)snprintf(s->folder, sizeof s->folder, "%s/sereno-sim.XXXXXX", has_memory_files ? "/dev/shm" : "/tmp");
  if (!mkdtemp(s->folder)) {
    s->folder[0] = '\0';
    return err_set(detail, ERR_IO, "folder", 0, "no folder for the simulation can be made");
  }
  return open_stores(s, detail);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

void sim_stage_close(struct sim_stage *s) {
  sqldb_close(s->db);
  live_close(s->crashed);
  if (s->lane.db) lane_close(&s->lane);
  if (s->worlds) worlds_free(s->worlds);
  if (s->folder[0]) (void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  *s = (struct sim_stage){};
}

/* ---- calls ---- */

static enum err carry_out(struct sim_stage *s, struct world_request *q, json_t **ret_body,
                          struct str *ret_payload, struct err_detail *detail) {
  struct world_reply reply = {};
  enum err e = worlds_call(&s->lane, q, &reply);
  if (detail) *detail = reply.detail;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(reply.body);
  if (e == ERR_OK && ret_payload && reply.payload.len > 0) {
    char *copy = malloc(reply.payload.len);
    if (!copy) e = ERR_NO_MEMORY;
    else
      memcpy(copy, reply.payload.ptr, reply.payload.len),
          *ret_payload = (struct str){copy, reply.payload.len};
  }
  world_reply_free(&reply);
  return e;
}

enum err sim_ask(struct sim_stage *s, const char *call, const char *world, bool is_user, json_t *args,
                 json_t **ret_body, struct err_detail *detail) {
  static const struct world_actor app = {.kind = ACTOR_SYSTEM, .name = STR("app")};
  struct world_actor owner = {.kind = ACTOR_USER, .user_id = str_of(world), .name = str_of(world)};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = s->now_ms,
                            .actor = is_user ? owner : app,
                            .world_id = world ? str_of(world) : STR_NONE,
                            .args = args};
  ASSERT(q.call);
  enum err e = carry_out(s, &q, ret_body, NULL, detail);
  json_decref(args);
  return e;
}

/* ---- jobs ---- */

/* The fault of the negative control: the job runs, and nothing happens. */
static json_t *empty_page(void) {
  return json_pack("{s:i, s:i, s:i, s:i, s:f, s:s, s:i, s:i, s:n}", "worldsCleaned", 0, "orphanLocksRemoved",
                   0, "tempEventsCleanedCount", 0, "memoryFreedBytes", 0, "estimatedMemoryFreedMB", 0.0,
                   "estimateMethod", "measured", "worldsBusy", 0, "worldsFailed", 0, "next");
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct sim_stage *s = arg;
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = s->now_ms,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job")},
                            .args = args,
                            .payload = payload ? *payload : STR_NONE};
  ASSERT(q.call);
  if (ret_body) *ret_body = NULL;
  if (ret_payload) *ret_payload = STR_NONE;
  enum err e = ERR_OK;
  if (s->is_cleanup_faulty && strcmp(call, "cleanup.page") == 0) {
    if (ret_body) *ret_body = empty_page();
  } else {
    const char *world = json_string_value(json_object_get(args, "worldId"));
    if (world) q.world_id = str_of(world);
    e = carry_out(s, &q, ret_body, ret_payload, detail);
  }
  json_decref(args);
  return e;
}

int sim_job_run(struct sim_stage *s, enum sim_job job, bool is_dry, json_t **ret_result) {
  const struct executor *e = executor_find(str_of(sim_job_names[job]));
  struct child_context context = {.run_id = STR("sim"),
                                  .job_id = str_of(sim_job_names[job]),
                                  .run_no = 1,
                                  .attempt = 1,
                                  .due_ms = s->now_ms,
                                  .deadline_ms = INSTANT_NEVER};
  ASSERT(e);
  json_t *params = json_pack("{s:b}", "dryRun", (int)is_dry);
  int code = child_run_here(e, &context, params, call_here, s, ret_result);
  json_decref(params);
  return code;
}

void sim_job_sum(json_t **total, const json_t *result) {
  const char *key;
  json_t *value;
  if (!*total) *total = json_object();
  json_t *copy = json_copy((json_t *)(uintptr_t)result);
  json_object_foreach(copy, key, value) {
    if (json_is_object(value)) sim_job_sum(total, value);
    if (!json_is_number(value)) continue;
    double sum = json_number_value(json_object_get(*total, key)) + json_number_value(value);
    json_object_set_new(*total, key, json_real(sum));
  }
  json_decref(copy);
}

/* ---- bytes ---- */

static bool read_bytes(void *arg, const struct sql_row *row) {
  double *bytes = arg;
  bytes[0] = (double)sql_row_int(row, 0), bytes[1] = (double)sql_row_int(row, 1);
  return false;
}

/* Rows of interactions and saved states are made at the scale; all else is as big as it really is. */
enum err sim_database_bytes(struct sim_stage *s, double *ret, struct err_detail *detail) {
  double bytes[2] = {};
  TRY(sqldb_query_text(
      s->db,
      "SELECT coalesce(sum(CASE WHEN name LIKE '%WorldInteraction%' OR name LIKE '%WorldState%' "
      "THEN pgsize ELSE 0 END),0), coalesce(sum(pgsize),0) FROM dbstat",
      read_bytes, bytes, detail));
  *ret = bytes[0] * s->byte_divisor + (bytes[1] - bytes[0]);
  return ERR_OK;
}
