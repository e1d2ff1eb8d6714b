/* What the filter and the order of lists see of a row. */
#include <stdlib.h>

#include "api/roster.h"

/* Everything that is true of it at once: a paused job whose last run failed is both. */
static int64_t standings_of(const struct roster_view *v) {
  int64_t bits = INT64_C(1) << v->standing;
  if (v->row->last_status != FIELD_NULL && v->standing != JOB_STATUS_INACTIVE)
    bits |= INT64_C(1) << v->row->last_status;
  if (v->gate == GATE_PAUSED) bits |= INT64_C(1) << JOB_STATUS_PAUSED;
  if (v->gate == GATE_OFF) bits |= INT64_C(1) << JOB_STATUS_OFF;
  if (v->is_queued) bits |= INT64_C(1) << JOB_STATUS_QUEUED;
  if (v->is_retrying) bits |= INT64_C(1) << JOB_STATUS_RETRYING;
  if (!v->row->is_active) bits |= INT64_C(1) << JOB_STATUS_INACTIVE;
  return bits;
}

static int64_t success_percent(const struct roster_row *row) {
  int64_t good = 0;
  for (size_t i = 0; i < row->strip_count; i++) good += row->strip_status[i] == RUN_SUCCESS;
  return row->strip_count ? good * 100 / row->strip_count : FIELD_NULL;
}

static struct filter_cell text_cell(const char *text) { return (struct filter_cell){.text = str_of(text)}; }
static struct filter_cell folded_cell(struct str text) {
  return (struct filter_cell){.text = text, .is_folded = true};
}
static struct filter_cell number_cell(int64_t number) { return (struct filter_cell){.number = number}; }

struct filter_cell roster_cell(const void *view, size_t key) {
  const struct roster_view *v = view;
  const struct roster_row *row = v->row;
  const struct roster_card *c = row->card;
  if (key == FILTER_WORDS) return folded_cell(c->words);
  switch ((enum filter_jobs_key)key) {
    case JOBS_KEY_STATUS: return number_cell(standings_of(v));
    case JOBS_KEY_NAME: return text_cell(c->name);
    case JOBS_KEY_CATEGORY: return text_cell(c->category);
    case JOBS_KEY_TAG: return folded_cell(c->tags);
    case JOBS_KEY_OWNER: return folded_cell(c->owner);
    case JOBS_KEY_LAST: return number_cell(row->last_start_ms);
    case JOBS_KEY_NEXT: return number_cell(row->is_active ? row->next_ms : FIELD_NULL);
    case JOBS_KEY_TOOK: return number_cell(row->last_took_ms);
    case JOBS_KEY_P50: return number_cell(row->p50_ms);
    case JOBS_KEY_P95: return number_cell(row->p95_ms);
    case JOBS_KEY_FAILS: return number_cell(row->failures);
    case JOBS_KEY_SUCCESS: return number_cell(success_percent(row));
    case JOBS_KEY_COMMAND: return text_cell(c->command);
    case JOBS_KEY_CRON: return text_cell(c->schedule);
    case JOBS_KEY_ZONE: return text_cell(c->zone);
    case JOBS_KEY_PRIORITY: return number_cell(row->priority);
    case JOBS_KEY_CRITICAL: return number_cell(row->is_critical ? 2 : 1);
    case JOBS_KEY_COUNT: break;
  }
  return number_cell(FIELD_NULL);
}

/* What needs a person comes first. */
static const int8_t urgency[JOB_STATUS_COUNT] = {
    [JOB_STATUS_FAILED] = 0,    [JOB_STATUS_TIMEOUT] = 1, [JOB_STATUS_LOST] = 2,   [JOB_STATUS_RETRYING] = 3,
    [JOB_STATUS_RUNNING] = 4,   [JOB_STATUS_QUEUED] = 5,  [JOB_STATUS_PAUSED] = 6, [JOB_STATUS_OFF] = 7,
    [JOB_STATUS_CANCELLED] = 8, [JOB_STATUS_SKIPPED] = 9, [JOB_STATUS_NEVER] = 10, [JOB_STATUS_SUCCESS] = 11,
    [JOB_STATUS_INACTIVE] = 12};

static int64_t sort_key(const struct roster_view *v, enum roster_sort sort) {
  switch (sort) {
    case ROSTER_BY_STATE: return urgency[v->standing];
    case ROSTER_BY_LAST: return v->row->last_start_ms;
    case ROSTER_BY_TOOK: return v->row->p50_ms;
    case ROSTER_BY_NEXT:
      return v->row->next_ms == FIELD_NULL || !v->row->is_active ? INT64_MAX : v->row->next_ms;
    case ROSTER_BY_CATEGORY:
    case ROSTER_BY_NAME: break;
  }
  return 0;
}

struct roster_pick roster_pick_of(const struct roster_view *v, enum roster_sort sort, size_t index) {
  return (struct roster_pick){.key = sort_key(v, sort),
                              .text = sort == ROSTER_BY_CATEGORY ? v->row->card->category : NULL,
                              .index = index,
                              .row = (struct roster_row *)(uintptr_t)v->row};
}

typedef int order_fn(const void *a, const void *b);

static int in_order(const void *a, const void *b) {
  const struct roster_pick *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  int order = x->text && y->text ? strcmp(x->text, y->text) : !!y->text - !!x->text;
  return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int in_reverse(const void *a, const void *b) { return in_order(b, a); }

static void swap(struct roster_pick *a, struct roster_pick *b) {
  struct roster_pick kept = *a;
  *a = *b;
  *b = kept;
}

static struct roster_pick middle_of(const struct roster_pick *p, size_t low, size_t high, order_fn *order) {
  const struct roster_pick *a = &p[low], *b = &p[low + (high - low) / 2], *c = &p[high - 1];
  if (order(a, b) > 0) b = a, a = &p[low + (high - low) / 2];
  return order(c, a) < 0 ? *a : order(c, b) < 0 ? *c : *b;
}

#define SORTED_AT_ONCE 32

/* Of [low, high) the first `count - low` go before place `count` (Hoare's selection): a window of very many is found without
 * sorting all of them. */
static void part_at(struct roster_pick *p, size_t low, size_t high, size_t count, order_fn *order) {
  while (count > low && count < high && high - low > SORTED_AT_ONCE) {
    struct roster_pick pivot = middle_of(p, low, high, order);
    size_t i = low, j = high; /* j: one beyond */
    while (i < j) {
      while (order(&p[i], &pivot) < 0) i++;
      while (order(&pivot, &p[j - 1]) < 0) j--;
      if (i < j) swap(&p[i++], &p[--j]);
    }
    if (count <= j) high = j;
    else if (count >= i) low = i;
    else return;
  }
  if (count > low && count < high) qsort(p + low, high - low, sizeof *p, order);
}

void roster_sort(struct roster_pick *picks, size_t count, size_t first, size_t end, bool is_down) {
  order_fn *order = is_down ? in_reverse : in_order;
  ASSERT(first <= end && end <= count);
  part_at(picks, 0, count, end, order);
  part_at(picks, 0, end, first, order);
  if (end > first) qsort(picks + first, end - first, sizeof *picks, order);
}
