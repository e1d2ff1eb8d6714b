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
  } else if (c->kind == CHANGE_GATE) {
    job_unref(c->gate.job);
  } else if (c->kind == CHANGE_CLAIM) {
    settings_unref(c->claim.settings);
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

static const char *const world_jobs[] = {
    "cleanup", "sync", "auto-pause", "memory-consolidation", "emergent-events", "delete-scheduled-worlds"};

bool job_is_world_job(const struct job *job) {
  for (size_t i = 0; i < sizeof world_jobs / sizeof *world_jobs; i++)
    if (str_eq(str_of(job->name), str_of(world_jobs[i]))) return true;
  return false;
}

bool change_gate_concerns(const struct change *c, const struct job *job) {
  ASSERT(c->kind == CHANGE_GATE);
  switch (c->gate.scope) {
    case GATE_SCOPE_JOB: return job->no == c->gate.job_no;
    case GATE_SCOPE_CATEGORY: return job->category && str_eq(str_of(job->category), str_of(c->gate.key));
    case GATE_SCOPE_WORLD_JOBS: return job_is_world_job(job);
    case GATE_SCOPE_ALL:
    case GATE_SCOPE_PROCESS: return true;
  }
  return false;
}

bool settings_change_concerns(const struct settings *before, const struct settings *after,
                              const struct job *job) {
  if (before->is_enabled != after->is_enabled) return true;
  return !job->timezone && !str_eq(str_of(before->timezone), str_of(after->timezone));
}
