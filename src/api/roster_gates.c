/* Which gates are closed, and for whom: most pauses are of one job, so those are found by its number. */
#include <stdlib.h>

#include "api/roster.h"

void roster_gates_free(struct roster_gates *g) {
  for (size_t i = 0; i < g->count; i++) free(g->keys[i]);
  free(g->keys);
  free(g->items);
  *g = (struct roster_gates){};
}

static int by_job(const void *x, const void *y) {
  const struct closed_gate *a = x, *b = y;
  bool is_a = a->scope == GATE_SCOPE_JOB, is_b = b->scope == GATE_SCOPE_JOB;
  if (is_a != is_b) return is_a ? 1 : -1;
  return (a->job_no > b->job_no) - (a->job_no < b->job_no);
}

void roster_gates_keep(struct roster_gates *g, const struct store_read *read) {
  roster_gates_free(g);
  g->items = calloc(read->count + 1, sizeof *g->items);
  g->keys = calloc(read->count + 1, sizeof *g->keys);
  for (size_t i = 0; g->items && g->keys && i < read->count; i++) {
    g->items[i] = read->gates[i];
    g->items[i].key = g->keys[i] = str_dup(str_of(read->gates[i].key));
    g->count = i + 1;
    g->common += g->items[i].scope != GATE_SCOPE_JOB;
  }
  if (g->count) qsort(g->items, g->count, sizeof *g->items, by_job);
}

static bool covers(const struct closed_gate *g, const struct roster_row *row) {
  switch (g->scope) {
    case GATE_SCOPE_JOB: return g->job_no == row->no;
    case GATE_SCOPE_CATEGORY:
      return g->key && row->card->category && strcmp(g->key, row->card->category) == 0;
    case GATE_SCOPE_WORLD_JOBS: return row->is_world_job;
    case GATE_SCOPE_ALL:
    case GATE_SCOPE_PROCESS: break;
  }
  return true;
}

static void take(struct roster_row *row, const struct closed_gate *g, int64_t now_ms) {
  if (g->until_ms <= now_ms || g->gate < row->gate || !covers(g, row)) return;
  bool is_longer = g->gate > row->gate || g->until_ms > row->gate_until_ms;
  row->gate = g->gate;
  if (is_longer) row->gate_until_ms = g->until_ms;
}

/* The first gate of this job alone. */
static size_t first_of(const struct roster_gates *g, int64_t no) {
  size_t low = g->common, high = g->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (g->items[middle].job_no < no) low = middle + 1;
    else high = middle;
  }
  return low;
}

void roster_gates_find(const struct roster_gates *g, struct roster_row *row, int64_t now_ms) {
  row->gate = GATE_OPEN;
  row->gate_until_ms = FIELD_NULL;
  for (size_t i = 0; i < g->common; i++) take(row, &g->items[i], now_ms);
  for (size_t i = first_of(g, row->no); i < g->count && g->items[i].job_no == row->no; i++)
    take(row, &g->items[i], now_ms);
}
