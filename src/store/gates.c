#include "store/gates.h"

#include <stdlib.h>

#include "base/instant.h"

struct gate_node {
  struct gate_node *next;
  struct gate_row row;
};

void gates_free(struct gates *g) {
  struct map_entry e;
  for (size_t i = 0; map_next(&g->by_job, &i, &e);)
    for (struct gate_node *n = e.value, *next; n; n = next) {
      next = n->next;
      free(n);
    }
  for (size_t i = 0; map_next(&g->shifts, &i, &e);) free(e.value);
  for (size_t i = 0; i < g->common_count; i++) free((void *)(uintptr_t)g->common[i].key);
  free(g->common);
  map_free(&g->by_job);
  map_free(&g->shifts);
  *g = (struct gates){};
}

static enum err add_common(struct gates *g, const struct gate_row *row) {
  if (g->common_count == g->common_capacity) {
    size_t capacity = g->common_capacity ? g->common_capacity * 2 : 8;
    struct gate_row *bigger = realloc(g->common, capacity * sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    g->common = bigger;
    g->common_capacity = capacity;
  }
  char *key = row->key ? str_dup(str_of(row->key)) : NULL;
  if (row->key && !key) return ERR_NO_MEMORY;
  g->common[g->common_count] = *row;
  g->common[g->common_count++].key = key;
  return ERR_OK;
}

enum err gates_add(struct gates *g, const struct gate_row *row) {
  if (row->scope != GATE_SCOPE_JOB) return add_common(g, row);
  struct gate_node *n = calloc(1, sizeof *n);
  if (!n) return ERR_NO_MEMORY;
  *n = (struct gate_node){.next = map_get(&g->by_job, (uint64_t)row->job_no), .row = *row};
  n->row.key = NULL;
  if (map_put(&g->by_job, (uint64_t)row->job_no, n) == ERR_OK) return ERR_OK;
  free(n);
  return ERR_NO_MEMORY;
}

static uint64_t shift_key(int64_t edit_no, int64_t job_no) {
  int64_t both[2] = {edit_no, job_no};
  return hash_bytes(both, sizeof both, 0);
}

enum err gates_add_shift(struct gates *g, const struct shift_row *row) {
  struct shift_row *copy = malloc(sizeof *copy);
  if (!copy) return ERR_NO_MEMORY;
  *copy = *row;
  uint64_t key = shift_key(row->edit_no, row->job_no);
  struct shift_row *old = map_remove(&g->shifts, key);
  free(old);
  if (map_put(&g->shifts, key, copy) == ERR_OK) return ERR_OK;
  free(copy);
  return ERR_NO_MEMORY;
}

struct loading {
  struct gates *gates;
  enum err error;
};

static bool load_gate(void *arg, const void *record) {
  struct loading *l = arg;
  l->error = gates_add(l->gates, record);
  return l->error == ERR_OK;
}

static bool load_shift(void *arg, const void *record) {
  struct loading *l = arg;
  l->error = gates_add_shift(l->gates, record);
  return l->error == ERR_OK;
}

enum err gates_load(struct gates *g, struct rows *rows, int64_t since_ms) {
  gates_free(g);
  struct loading l = {.gates = g};
  struct scan_args args = {.from = since_ms, .to = INT64_MAX};
  enum err e = rows->ops->scan(rows, SCAN_GATE_ALL, &args, load_gate, &l);
  if (e == ERR_OK && l.error == ERR_OK) e = rows->ops->scan(rows, SCAN_SHIFT_ALL, &SCAN_ALL, load_shift, &l);
  if (e == ERR_OK) e = l.error;
  if (e != ERR_OK) gates_free(g);
  return e;
}

struct gate_row *gates_find(struct gates *g, enum gate_scope scope, int64_t job_no, const char *key,
                            int64_t at_ms) {
  if (scope == GATE_SCOPE_JOB) {
    for (struct gate_node *n = map_get(&g->by_job, (uint64_t)job_no); n; n = n->next)
      if (n->row.until_ms > at_ms) return &n->row;
    return NULL;
  }
  for (size_t i = 0; i < g->common_count; i++) {
    struct gate_row *r = &g->common[i];
    if (r->scope == (int64_t)scope && r->until_ms > at_ms && str_eq(str_of(r->key), str_of(key))) return r;
  }
  return NULL;
}

static enum err step_row_back(struct gate_row *row, int64_t is_ms,
                              enum err (*put)(void *arg, const struct gate_row *row), void *arg) {
  if (row->from_ms <= is_ms || row->until_ms != INSTANT_NEVER) return ERR_OK;
  row->from_ms = is_ms;
  return put(arg, row);
}

enum err gates_step_back(struct gates *g, int64_t is_ms,
                         enum err (*put)(void *arg, const struct gate_row *row), void *arg) {
  struct map_entry e;
  for (size_t i = 0; i < g->common_count; i++) TRY(step_row_back(&g->common[i], is_ms, put, arg));
  for (size_t i = 0; map_next(&g->by_job, &i, &e);)
    for (struct gate_node *n = e.value; n; n = n->next) TRY(step_row_back(&n->row, is_ms, put, arg));
  return ERR_OK;
}

static bool concerns(const struct gate_row *r, const struct job *job) {
  switch ((enum gate_scope)r->scope) {
    case GATE_SCOPE_JOB: return r->job_no == job->no;
    case GATE_SCOPE_CATEGORY: return job->category && r->key && strcmp(job->category, r->key) == 0;
    case GATE_SCOPE_ALL:
    case GATE_SCOPE_PROCESS: return true;
    case GATE_SCOPE_WORLD_JOBS: return job_is_world_job(job);
  }
  return false;
}

static int64_t shifted(const struct gates *g, int64_t edit_no, int64_t job_no, int64_t otherwise) {
  if (g->shifts.count == 0) return otherwise;
  const struct shift_row *s = map_get(&g->shifts, shift_key(edit_no, job_no));
  return s ? s->from_ms : otherwise;
}

static void judge(const struct gates *g, const struct gate_row *r, const struct job *job, int64_t due_ms,
                  enum gate *gate, int64_t *until_ms) {
  int64_t from = shifted(g, r->no * 2, job->no, r->from_ms);
  int64_t until = shifted(g, r->no * 2 + 1, job->no, r->until_ms);
  if (due_ms <= from) {
    if (from < *until_ms && from < until) *until_ms = from;
  } else if (due_ms <= until) {
    if (until < *until_ms) *until_ms = until;
    if (*gate != GATE_OFF) *gate = (enum gate)r->gate;
  }
}

enum gate gates_at(const struct gates *g, const struct job *job, int64_t due_ms, int64_t *ret_until_ms) {
  enum gate gate = GATE_OPEN;
  *ret_until_ms = INSTANT_NEVER;
  for (size_t i = 0; i < g->common_count; i++)
    if (concerns(&g->common[i], job)) judge(g, &g->common[i], job, due_ms, &gate, ret_until_ms);
  for (struct gate_node *n = map_get(&g->by_job, (uint64_t)job->no); n; n = n->next)
    judge(g, &n->row, job, due_ms, &gate, ret_until_ms);
  return gate;
}
