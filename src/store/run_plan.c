#include "store/run_plan.h"

#include "base/buf.h"

#define PATTERN_BYTES_MAX (4 * FILTER_BYTES_MAX)
#define INSTANT_WRITTEN_MAX_MS 253402300799999LL /* 9999-12-31 */
#define ALL_STATUSES ((1U << RUN_COUNT) - 1)

/* ---- patterns ---- */

/* Letters that filter_fold makes of accented ones, too: either is one character. */
static bool may_be_accented(char c) { return strchr("aceinouy", c) != NULL; }

/* A folded text as a pattern of LIKE that fits whatever folds to it. */
static void add_pattern(struct buf *out, struct str folded, bool has_stars) {
  for (size_t i = 0; i < folded.len; i++) {
    char c = folded.ptr[i];
    if (c == '*' && has_stars) buf_add_char(out, '%');
    else if (may_be_accented(c)) buf_add_char(out, '_');
    else if (c == '%' || c == '_' || c == '\\') buf_addf(out, "\\%c", c);
    else buf_add_char(out, c);
  }
}

/* NULL: any text will do. Of several values, and of what is no UTF-8, only that there is a text. is_within: anywhere in
 * it; else from its beginning on, since filter_fits looks at the beginning of long texts only. */
static const char *pattern_of(const struct filter_term *t, bool is_within, struct arena *a) {
  BUF_AUTO struct buf out = buf_new(PATTERN_BYTES_MAX);
  bool is_one = t->value_count == 1 && !t->wants_any && str_is_utf8(t->values[0]);
  if (is_one && is_within) buf_add_char(&out, '%');
  if (is_one) add_pattern(&out, t->values[0], t->op == FILTER_IS);
  buf_add_char(&out, '%');
  return buf_error(&out) == ERR_OK ? arena_strdup(a, buf_str(&out)) : NULL;
}

/* Of labels: the value, the key, or both with '=' between them, somewhere in the JSON. */
static const char *label_pattern(const struct filter_term *t, struct arena *a) {
  char *text = (char *)(uintptr_t)pattern_of(t, true, a);
  for (char *c = text; c && *c; c++)
    if (*c == '=') *c = '%';
  return text;
}

/* ---- terms ---- */

static void narrow(struct run_range *r, const struct filter_term *t) {
  int64_t min = INT64_MIN, max = INT64_MAX;
  switch (t->op) {
    case FILTER_LESS: max = t->number > INT64_MIN + 2 ? t->number - 1 : t->number; break;
    case FILTER_AT_MOST: max = t->number; break;
    case FILTER_MORE: min = t->number < INT64_MAX - 2 ? t->number + 1 : t->number; break;
    case FILTER_AT_LEAST: min = t->number; break;
    case FILTER_IS: min = max = t->number; break;
    case FILTER_CONTAINS: return;
  }
  if (min > r->min) r->min = min;
  if (max < r->max) r->max = max;
}

static void add_number(struct run_range *r, const struct filter_term *t) {
  if (!t->is_not && !t->wants_none && !t->wants_any && t->value_count > 0) narrow(r, t);
}

static void add_text(const char **pattern, const struct filter_term *t, struct arena *a) {
  if (!t->is_not && !t->wants_none && !*pattern) *pattern = pattern_of(t, t->op == FILTER_CONTAINS, a);
}

/* What a term that is not negated asks of texts of jobs. */
static void add_job_text(const char **pattern, const struct filter_term *t, bool is_label, struct arena *a) {
  if (t->is_not || t->wants_none || *pattern) return;
  *pattern = is_label ? label_pattern(t, a) : pattern_of(t, t->op == FILTER_CONTAINS, a);
}

static void add_term(struct run_plan *p, const struct filter_term *t, struct arena *a) {
  struct run_query *q = &p->query;
  bool is_job = t->key == FILTER_WORDS || t->key == RUNS_KEY_JOB || t->key == RUNS_KEY_CATEGORY ||
                t->key == RUNS_KEY_TAG || t->key == RUNS_KEY_OWNER;
  p->asks_jobs |= is_job;
  if (t->key == FILTER_WORDS) return add_job_text(&p->facts.name, t, false, a);
  switch ((enum filter_runs_key)t->key) {
    case RUNS_KEY_STATUS: /* never none */
      if (!t->wants_any && !t->wants_none)
        q->status_mask &= t->is_not ? ~(unsigned)t->choices : (unsigned)t->choices;
      break;
    case RUNS_KEY_TRIGGER:
      if (!t->is_not && !t->wants_any && !t->wants_none) q->trigger_mask &= (unsigned)t->choices;
      break;
    case RUNS_KEY_JOB: add_job_text(&p->facts.name, t, false, a); break;
    case RUNS_KEY_CATEGORY: add_job_text(&p->facts.category, t, false, a); break;
    case RUNS_KEY_TAG:
    case RUNS_KEY_OWNER: add_job_text(&p->facts.labels, t, true, a); break;
    case RUNS_KEY_STARTED: add_number(&q->started_ms, t); break;
    case RUNS_KEY_TOOK: add_number(&q->took_ms, t); break;
    case RUNS_KEY_LAG: add_number(&q->lag_ms, t); break;
    case RUNS_KEY_EXIT: add_number(&q->exit_code, t); break;
    case RUNS_KEY_ATTEMPT: add_number(&q->attempt, t); break;
    case RUNS_KEY_MEMORY: add_number(&q->memory_bytes, t); break;
    case RUNS_KEY_ERROR: add_text(&q->error, t, a); break;
    case RUNS_KEY_WHO: add_text(&q->who, t, a); break;
    case RUNS_KEY_REASON:
    case RUNS_KEY_CPU:
    case RUNS_KEY_COUNT: break;
  }
}

/* ---- the whole ---- */

#define ALL_TRIGGERS ((1U << TRIGGER_COUNT) - 1)

static bool is_odd_only(const struct run_query *q) {
  const unsigned plain = 1U << RUN_SUCCESS | 1U << RUN_QUEUED | 1U << RUN_RUNNING;
  return !(q->status_mask & plain) || !(q->trigger_mask & 1U << TRIGGER_SCHEDULE) || q->error ||
         q->exit_code.min > 0 || q->exit_code.max < 0 || q->attempt.min > 1;
}

/* What lies beyond the instants that can be written as texts bounds nothing. */
static struct run_range clipped(struct run_range r) {
  return (struct run_range){r.min <= 0 ? INT64_MIN : r.min, r.max > INSTANT_WRITTEN_MAX_MS ? INT64_MAX
                                                            : r.max < 0                    ? 0
                                                                                           : r.max};
}

static bool is_nothing(struct run_range r) { return r.min > r.max; }

enum err run_plan_make(const struct store_read *q, struct arena *a, struct run_plan *ret) {
  const unsigned open = 1U << RUN_QUEUED | 1U << RUN_RUNNING;
  struct run_plan p = {};
  struct run_query *found = &p.query;
  *found = (struct run_query){.status_mask = q->status_mask ? q->status_mask : ALL_STATUSES,
                              .trigger_mask = q->trigger_mask ? q->trigger_mask : ALL_TRIGGERS,
                              .took_ms = RANGE_OPEN,
                              .lag_ms = RANGE_OPEN,
                              .exit_code = RANGE_OPEN,
                              .attempt = RANGE_OPEN,
                              .memory_bytes = RANGE_OPEN,
                              .started_ms = RANGE_OPEN};
  if (q->from_ms != INSTANT_NONE) found->started_ms.min = q->from_ms;
  if (q->to_ms != INSTANT_NONE) found->started_ms.max = q->to_ms;
  for (size_t i = 0; q->filter && i < q->filter->count; i++) add_term(&p, &q->filter->terms[i], a);
  TRY(arena_error(a));
  found->started_ms = clipped(found->started_ms);
  found->status_mask &= ALL_STATUSES;
  found->trigger_mask &= ALL_TRIGGERS;
  p.is_empty = !found->status_mask || !found->trigger_mask || is_nothing(found->took_ms) ||
               is_nothing(found->lag_ms) || is_nothing(found->exit_code) || is_nothing(found->attempt) ||
               is_nothing(found->memory_bytes) || is_nothing(found->started_ms);
  p.is_open_only = !(found->status_mask & ~open);
  found->is_odd = !p.is_open_only && is_odd_only(found);
  if (found->status_mask == ALL_STATUSES) found->status_mask = 0;
  if (found->trigger_mask == ALL_TRIGGERS) found->trigger_mask = 0;
  *ret = p;
  return ERR_OK;
}
