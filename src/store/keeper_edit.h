/* The steps of an edit that definitions, gates and settings share (keeper_edit.c tells their order). */
#pragma once
#include "store/keeper.h"

struct edit {
  int64_t at_ms, until_ms;
  const struct edit_from *from;
  size_t from_count;
  enum reason late_reason;
  int64_t *jobs; /* concerned, ascending; in the arena of the edit */
  size_t job_count;
  struct arena arena;
  struct change
      *told; /* NULL, or a CLAIM whose answer tells what SQL from outside did: the core settles what waits */
};

/* From which due instant on the edit governs this job. */
int64_t edit_from_ms(const struct edit *e, int64_t job_no);
/* If-Match: 0 and null ask for nothing. */
bool edit_is_outdated(int64_t if_updated_ms, int64_t updated_ms);
/* Step 1: settles what fell due up to `from` by what is cached as the job's definition, takes back what lies beyond. */
enum err edit_settle_old(struct keeper *k, const struct edit *e, int64_t job_no);
/* Step 3: goes on from `from` by the definition in the rows. */
enum err edit_replan(struct keeper *k, const struct edit *e, int64_t job_no);
/* Takes claims of this job due after from_ms out of the answer. */
void edit_unlist_claims(struct keeper *k, int64_t job_no, int64_t from_ms);
/* Closes or opens the gate of settings.isEnabled. */
enum err edit_turn_enabled(struct keeper *k, const struct change *c, const struct edit *e,
                           const struct settings *after);
/* Holds the settings as last written by us, whatever the row says. */
enum err keeper_load_last_settings(struct keeper *k);
/* Settings that SQL from outside has written: they are in the rows, and govern from now on. Or, when they cannot be
 * used, those before come back. */
enum err keeper_adopt_settings(struct keeper *k, const struct change *c, const struct edit *e,
                               struct settings *after);
enum err keeper_restore_settings(struct keeper *k);
