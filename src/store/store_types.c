/* What every backend and caller shares: making and freeing questions and answers. */
#include <stdlib.h>

#include "store/store.h"

#define READ_BYTES (64 * 1024 * 1024)
#define READ_LEDGER_BYTES (512 * 1024 * 1024) /* an audit of everything */

void store_boot_free(struct store_boot *boot) {
  for (size_t i = 0; i < boot->unfinished_count; i++) job_unref(boot->unfinished[i].job);
  settings_unref(boot->settings);
  arena_free(&boot->arena);
  *boot = (struct store_boot){};
}

struct store_read *store_read_new(enum store_read_kind kind, int64_t now_ms) {
  struct store_read *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->kind = kind;
  r->now_ms = now_ms;
  r->arena = arena_new(kind == READ_LEDGER_AUDIT ? READ_LEDGER_BYTES : READ_BYTES);
  r->from_ms = r->to_ms = INSTANT_NONE;
  r->is_active = -1;
  r->total = -1;
  return r;
}

void store_read_free(struct store_read *r) {
  if (!r) return;
  if (r->kind == READ_JOB || r->kind == READ_JOBS || r->kind == READ_DASHBOARD)
    for (size_t i = 0; r->jobs && i < r->count; i++) job_unref(r->jobs[i].job);
  for (size_t i = 0; r->versions && i < r->count; i++) job_unref(r->versions[i].job);
  arena_free(&r->arena);
  free(r);
}
