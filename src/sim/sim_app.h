/* The application of a run: it makes worlds, writes what happens in them, lets its users speak, and crashes. What it
 * was told is written it remembers, so that what the jobs lose shows. Only for sim_arm.c. */
#pragma once
#include "sim/sim_stage.h"

struct sim_app_world {
  bool is_made, is_paused, is_gone, is_here; /* as the application knows it */
  int last_seen;                             /* step */
  int64_t warned;       /* as its row said last: 2 and more, its owner was told of the deletion */
  double owed;          /* rows not yet written */
  double history_bytes; /* of its cache, not yet put into the live state */
  int64_t turns, seq;   /* acknowledged */
};

struct sim_app {
  struct sim_stage *stage;
  struct sim_batch *batch; /* of a step */
  const struct sim_arm_config *config;
  struct sim_figures *figures;
  struct sim_app_world *worlds;
  size_t count; /* made */
  bool is_counting;
  int64_t lost_turns; /* turns that were given twice or left out */
  struct sim_random chance;
  char *filler; /* what caches and cores are made of */
  size_t filler_bytes;
  struct arena arena; /* of a step */
};
enum err sim_app_new(struct sim_app *app, struct sim_stage *stage, const struct sim_arm_config *config,
                     struct sim_figures *figures);
void sim_app_free(struct sim_app *app);
/* All that happens in the five minutes that end with this step. */
enum err sim_app_step(struct sim_app *app, int step, struct err_detail *detail);
/* Twice a day a process dies and leaves the locks of the worlds in session. */
enum err sim_app_crash(struct sim_app *app, int step, struct err_detail *detail);
/* Bytes in the live state of worlds not seen since that step. */
enum err sim_app_idle_bytes(struct sim_app *app, int since, double *ret, struct err_detail *detail);
/* The counter that each write puts into the world's core. */
enum err sim_app_read_back(struct sim_app *app, size_t world, int64_t *ret_seq, struct err_detail *detail);
