#include "model/change.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (1024 * 1024)
#define ARENA_CLAIM_BYTES (16 * 1024 * 1024)

struct change *change_new(enum change_kind kind, int64_t at_ms) {
  struct change *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->kind = kind;
  c->at_ms = at_ms;
  bool may_claim = kind == CHANGE_CLAIM || kind == CHANGE_GATE || kind == CHANGE_SETTINGS;
  c->arena = arena_new(may_claim ? ARENA_CLAIM_BYTES : ARENA_BYTES);
  return c;
}

void change_free(struct change *c) {
  if (!c) return;
  for (size_t i = 0; i < c->claimed.count; i++) job_unref(c->claimed.claims[i].job);
  if (c->kind == CHANGE_JOB_SAVE || c->kind == CHANGE_JOB_DELETE) {
    job_unref(c->job.job);
    job_unref(c->job.saved);
  } else if (c->kind == CHANGE_SETTINGS) {
    settings_unref(c->settings.settings);
    settings_unref(c->settings.saved);
  }
  arena_free(&c->arena);
  free(c);
}

enum err change_set_run(struct change *c, struct run *to, const struct run *from) {
  size_t bytes = fields_texts_bytes(run_fields, run_field_count, from);
  char *texts = arena_alloc(&c->arena, bytes ? bytes : 1);
  if (!texts) return arena_error(&c->arena);
  *to = *from;
  fields_move_texts(run_fields, run_field_count, to, texts);
  return ERR_OK;
}
