/* What pause, resume and a message to a sleeping world do in the database, under the world's lock. */
#pragma once
#include "worlds/load.h"

/* Who moves a world, with what in hand. */
struct world_move {
  struct lane *l;
  int64_t token; /* of the lock held */
  int64_t now_ms;
  struct str actor;
  struct err_detail *detail;
};

struct world_pause_step {
  int64_t reason;            /* enum pause_reason */
  int64_t vacation_until_ms; /* of VACATION; FIELD_NULL: no end */
  bool has_paused;           /* answer: it was running */
  bool has_changed;          /* answer: something was written */
};
/* As world_do_pause, with what a vacation needs. */
enum err world_pause_step(const struct world_move *m, struct world_row *row, struct world_pause_step *step);

struct world_db_step {
  int64_t resume_ms;          /* a paused world resumes with this activity; INSTANT_NONE: it stays as it is */
  struct live_append *append; /* written as live_write would; NULL: nothing */
  bool has_resumed;           /* answer */
  bool is_apart; /* answer: world_flush_append wrote it; fields and counters are still to be written */
  struct world_row before; /* answer: the row as it was */
};
/* One transaction straight in the database: resume and write. What lies of the world in the live state is saved with it
 * and removed. *row is afterwards what was written. */
enum err world_db_step(const struct world_move *m, struct world_row *row, struct world_db_step *step);

/* Takes the mark of a world back that is protected from now on (B-82); by itself, under its lock. */
enum err world_protect(struct lane *l, const struct world_request *q);

/* A line for the log and the live stream; fields are taken over. */
void world_notice(struct lane *l, enum log_level level, const char *component, const char *message,
                  json_t *fields);
json_t *world_json_instant(int64_t ms); /* text or null */
json_t *world_json_enum(const char *const *names, int64_t value);
