/* The stage of a run: folder, database, live state, lane; the application's own writes; a job's run by its executor.
 * Only for sim_arm.c. */
#pragma once
#include "sim/sim_arm.h"
#include "worlds/worlds.h"

#define SIM_ID_BYTES 8
#define SIM_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z, a Thursday */
#define SIM_STEP_MS ((int64_t)SIM_STEP_MIN * 60 * 1000)

enum sim_sql {
  SIM_SQL_INSERT,
  SIM_SQL_COUNT_ROWS,
  SIM_SQL_PAUSED,
  SIM_SQL_EXPORTED,
  SIM_SQL_ROWS,
  SIM_SQL_ARCHIVED,
  SIM_SQL_ROWS_MAX,
  SIM_SQL_STORY,
  SIM_SQL_COUNT
};

struct sim_stage {
  struct worlds *worlds;
  struct lane lane;
  struct sqldb *db;     /* the application's connection */
  struct live *crashed; /* a process of the application that dies with its locks */
  int byte_divisor, lump;
  int64_t now_ms;
  bool is_cleanup_faulty;
  char folder[64];
};
enum err sim_stage_open(struct sim_stage *s, int byte_divisor, int lump, struct err_detail *detail);
void sim_stage_close(struct sim_stage *s);

void sim_id(size_t owner, char ret[SIM_ID_BYTES]); /* "w0007" */
/* Which world this is; SIM_WORLDS_MAX: none of ours. */
size_t sim_owner_of_id(struct str id);

/* A call as the owner of the world (is_user) or as the application; args is taken over. *ret_body may be NULL. */
enum err sim_ask(struct sim_stage *s, const char *call, const char *world, bool is_user, json_t *args,
                 json_t **ret_body, struct err_detail *detail);
/* One run of a job by its executor; the result is the caller's. */
int sim_job_run(struct sim_stage *s, enum sim_job job, bool is_dry, json_t **ret_result);
void sim_job_sum(json_t **total, const json_t *result); /* adds numbers, also those of "stats" */

/* Bytes of a thing of so many bytes at this scale, at least 1. */
size_t sim_scaled(const struct sim_stage *s, double bytes);
/* The database without archive, as if it were at full scale: tables whose rows are scaled count N times. */
enum err sim_database_bytes(struct sim_stage *s, double *ret, struct err_detail *detail);
int64_t sim_cpu_ns(void);
int64_t sim_wall_ns(void);
