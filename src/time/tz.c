#include "time/tz.h"

#include "base/instant.h"
#include "time/tz_zone.h"

#define YEAR_EVENTS 10 /* two a year, two years around the one asked for */

struct str tz_name(const struct tz *z) {
  return str_of(z->name);
}
uint32_t tz_generation(const struct tz *z) { return z->generation; }
struct str tz_content(const struct tz *z) {
  return buf_str(&z->content);
}
const char *tz_sha256(const struct tz *z) { return z->sha256; }
int tz_step_s(const struct tz *z) { return z->table.step_s; }
int tz_jump_s(const struct tz *z) { return z->table.jump_s; }

static void set_abbreviation(struct tz_span *span, const struct tz_table *t, uint16_t name) {
  bool fits = str_copy(span->abbreviation, sizeof span->abbreviation, str_of(t->names + name));
  ASSERT(fits);
}

static int32_t rule_offset_s(const struct tz_table *t, bool is_dst) {
  return is_dst ? t->rule.dst_offset_s : t->rule.std_offset_s;
}

/* The span of an instant from the last row on, by the rule alone: from the state that row leaves, or for the far
 * future from the first event of the years around. */
static void span_by_rule(const struct tz_table *t, int64_t epoch_s, struct tz_span *ret) {
  const struct tz_row *last = &t->rows[t->count - 1];
  int64_t year;
  int month, day;
  civil_from_days(epoch_s / 86400, &year, &month, &day);
  struct tz_rule_event events[YEAR_EVENTS];
  tz_rule_events(&t->rule, year - 2, year + 2, events);
  struct tz_span span = {.from_s = last->from_s, .high_s = last->high_s, .is_dst = last->is_dst};
  if (events[0].at_s > last->from_s) {
    span.from_s = events[0].at_s;
    span.is_dst = events[0].is_dst;
    span.high_s = span.from_s + rule_offset_s(t, !span.is_dst);
  }
  span.until_s = TZ_SPAN_LAST;
  for (int i = 0; i < YEAR_EVENTS && span.until_s == TZ_SPAN_LAST; i++) {
    bool is_void = i + 1 < YEAR_EVENTS && events[i + 1].at_s == events[i].at_s;
    if (is_void || events[i].at_s <= span.from_s || events[i].is_dst == span.is_dst) continue;
    if (events[i].at_s > epoch_s) {
      span.until_s = events[i].at_s;
      continue;
    }
    int64_t end_s = events[i].at_s + rule_offset_s(t, span.is_dst);
    if (end_s > span.high_s) span.high_s = end_s;
    span.from_s = events[i].at_s;
    span.is_dst = events[i].is_dst;
  }
  span.offset_s = rule_offset_s(t, span.is_dst);
  *ret = span;
  set_abbreviation(ret, t, span.is_dst ? t->dst_name : t->std_name);
}

/* Index of the last row that begins at or before t. */
static size_t row_at(const struct tz_table *t, int64_t epoch_s) {
  size_t low = 0, high = t->count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (t->rows[middle].from_s <= epoch_s) low = middle;
    else high = middle;
  }
  return low;
}

void tz_span_at(const struct tz *z, int64_t epoch_s, struct tz_span *ret) {
  const struct tz_table *t = &z->table;
  ASSERT(t->count > 0);
  if (epoch_s >= t->rule_from_s) {
    span_by_rule(t, epoch_s, ret);
    return;
  }
  size_t i = row_at(t, epoch_s);
  const struct tz_row *row = &t->rows[i];
  *ret = (struct tz_span){.from_s = row->from_s,
                          .until_s = i + 1 < t->count ? t->rows[i + 1].from_s : TZ_SPAN_LAST,
                          .high_s = row->high_s,
                          .offset_s = row->offset_s,
                          .is_dst = row->is_dst};
  set_abbreviation(ret, t, row->name);
}

int tz_offset_s(const struct tz *z, int64_t epoch_s, bool *ret_is_dst,
                char ret_abbreviation[TZ_ABBREVIATION_MAX]) {
  struct tz_span span;
  tz_span_at(z, epoch_s, &span);
  if (ret_is_dst) *ret_is_dst = span.is_dst;
  if (ret_abbreviation) memcpy(ret_abbreviation, span.abbreviation, sizeof span.abbreviation);
  return span.offset_s;
}

bool tz_next_transition(const struct tz *z, int64_t epoch_s, int64_t *ret_epoch_s) {
  struct tz_span span;
  tz_span_at(z, epoch_s, &span);
  if (span.until_s == TZ_SPAN_LAST) return false;
  *ret_epoch_s = span.until_s;
  return true;
}

bool tz_prev_transition(const struct tz *z, int64_t epoch_s, int64_t *ret_epoch_s) {
  struct tz_span span;
  tz_span_at(z, epoch_s, &span);
  if (span.from_s == TZ_SPAN_FIRST) return false;
  *ret_epoch_s = span.from_s;
  return true;
}

/* The first row before whose end the clock has read local_s: the last with high_s <= local_s. */
static size_t row_reaching(const struct tz_table *t, int64_t local_s) {
  size_t low = 0, high = t->count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (t->rows[middle].high_s <= local_s) low = middle;
    else high = middle;
  }
  return low;
}

int64_t tz_from_local(const struct tz *z, int64_t local_s, bool *ret_is_gap) {
  const struct tz_table *t = &z->table;
  struct tz_span span;
  bool is_beyond = local_s - TZ_OFFSET_MAX_S >= t->rule_from_s;
  tz_span_at(z, is_beyond ? local_s - TZ_OFFSET_MAX_S : t->rows[row_reaching(t, local_s)].from_s, &span);
  while (span.until_s != TZ_SPAN_LAST && span.until_s + span.offset_s <= local_s)
    tz_span_at(z, span.until_s, &span);
  bool is_gap = span.from_s != TZ_SPAN_FIRST && span.from_s + span.offset_s > local_s;
  if (ret_is_gap) *ret_is_gap = is_gap;
  return is_gap ? span.from_s : local_s - span.offset_s;
}
