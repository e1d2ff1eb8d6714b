#include "time/schedule.h"

#include "base/map.h"
#include "time/schedule_data.h"
#include "time/tz_zone.h"

/* Transitions may bring back readings that were passed before, but no further than two greatest offsets apart. */
#define REREAD_S (3 * INT64_C(86400))
#define DAY_S INT64_C(86400)
#define DAY_MS (DAY_S * 1000)

/* ---- the span cache ---- */

[[gnu::noinline]] static void load_span(struct schedule *s, int64_t t) {
  struct tz_span span;
  tz_span_at(s->tz, t, &span);
  s->span_from_s = span.from_s;
  s->span_until_s = span.until_s;
  s->span_high_s = span.high_s;
  s->span_offset_s = span.offset_s;
  s->span_generation = s->tz->generation;
}

static inline void find_span(struct schedule *s, int64_t t) {
  bool is_cached = t >= s->span_from_s && t < s->span_until_s && s->span_generation == s->tz->generation;
  if (__builtin_expect(!is_cached, 0)) load_span(s, t);
}

/* ---- every instant whose local reading matches ---- */

/* Seconds in and out; CRON_NONE when there is none. A matching reading found beyond the end of a span stays
 * the next one in the following spans, unless they read earlier again: that can last REREAD_S. */
static int64_t next_wild(struct schedule *s, struct cron *c, int64_t t) {
  int64_t base = INT64_MAX, reading = INT64_MIN;
  for (int64_t start = t;;) {
    find_span(s, t);
    int64_t local = t + s->span_offset_s;
    bool is_known = local >= base && (reading == CRON_NONE || local <= reading);
    if (!is_known) base = local, reading = cron_next(c, local);
    if (reading != CRON_NONE && reading - s->span_offset_s < s->span_until_s)
      return reading - s->span_offset_s;
    if (s->span_until_s == TZ_SPAN_LAST) return CRON_NONE;
    t = s->span_until_s;
    if (t < start + REREAD_S) continue;
    if (reading == CRON_NONE) return CRON_NONE;
    if (reading - REREAD_S > t) t = reading - REREAD_S;
  }
}

static int64_t prev_wild(struct schedule *s, struct cron *c, int64_t t) {
  int64_t base = INT64_MIN, reading = INT64_MAX;
  for (int64_t start = t;;) {
    find_span(s, t);
    int64_t local = t + s->span_offset_s;
    bool is_known = local <= base && (reading == CRON_NONE || local >= reading);
    if (!is_known) base = local, reading = cron_prev(c, local);
    if (reading != CRON_NONE && reading - s->span_offset_s >= s->span_from_s)
      return reading - s->span_offset_s;
    if (s->span_from_s == TZ_SPAN_FIRST) return CRON_NONE;
    t = s->span_from_s - 1;
    if (t > start - REREAD_S) continue;
    if (reading == CRON_NONE) return CRON_NONE;
    if (reading + REREAD_S < t) t = reading + REREAD_S;
  }
}

/* ---- once for each matching reading ----
 * A reading happens at the first instant at which the clock shows it or a later one (tz_from_local). That makes the
 * instants of readings rise with them, so only the search below is needed: no list of transitions. */

enum gap_policy { GAP_FIRE, GAP_SKIP };
struct readings { /* local, both ends included */
  int64_t first, last;
};

/* Where the search goes on after a reading inside the gap that ends at `at`: is it to be left out? */
static bool is_left_out(struct schedule *s, int64_t reading, int64_t at, enum gap_policy policy,
                        struct readings *ret) {
  find_span(s, at);
  int64_t gap_first = s->span_high_s, gap_end = at + s->span_offset_s;
  ASSERT(at == s->span_from_s && reading >= gap_first && reading < gap_end);
  int64_t day = reading - reading % DAY_S;
  if (policy == GAP_SKIP) *ret = (struct readings){gap_first, gap_end - 1};
  else *ret = (struct readings){day, day + DAY_S - 1};
  return policy == GAP_SKIP || (gap_first <= day && day + DAY_S <= gap_end); /* a day that does not exist */
}

static int64_t next_first(struct schedule *s, struct cron *c, int64_t t, enum gap_policy policy) {
  find_span(s, t);
  int64_t low = t + s->span_offset_s;
  /* At the beginning of a span its gap is still to come. */
  if (t == s->span_from_s || low < s->span_high_s) low = s->span_high_s;
  for (;;) {
    int64_t reading = cron_next(c, low);
    if (reading == CRON_NONE) return CRON_NONE;
    int64_t at = reading - s->span_offset_s;
    struct readings out;
    bool is_here = at >= s->span_from_s && at < s->span_until_s && reading >= s->span_high_s;
    bool is_gap = false;
    if (!is_here) at = tz_from_local(s->tz, reading, &is_gap);
    if (!is_gap || !is_left_out(s, reading, at, policy, &out)) return at;
    low = out.last + 1;
  }
}

static int64_t prev_first(struct schedule *s, struct cron *c, int64_t t, enum gap_policy policy) {
  find_span(s, t);
  int64_t high = t + s->span_offset_s;
  if (high < s->span_high_s) high = s->span_high_s - 1;
  for (;;) {
    int64_t reading = cron_prev(c, high);
    if (reading == CRON_NONE) return CRON_NONE;
    int64_t at = reading - s->span_offset_s;
    struct readings out;
    bool is_here = at >= s->span_from_s && at < s->span_until_s && reading >= s->span_high_s;
    bool is_gap = false;
    if (!is_here) at = tz_from_local(s->tz, reading, &is_gap);
    if (!is_gap || !is_left_out(s, reading, at, policy, &out)) return at;
    high = out.first - 1;
  }
}

/* ---- one member ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t cron_next_s(struct schedule *s, struct cron *c, int64_t t) {
  if (!c->is_fixed) return next_wild(s, c, t);
  int64_t at = next_first(s, c, t, s->dst == SCHEDULE_DST_SKIP ? GAP_SKIP : GAP_FIRE);
  if (s->dst != SCHEDULE_DST_BOTH) return at;
  int64_t wild = next_wild(s, c, t);
  return at == CRON_NONE || (wild != CRON_NONE && wild < at) ? wild : at;
}

static int64_t cron_prev_s(struct schedule *s, struct cron *c, int64_t t) {
  if (!c->is_fixed) return prev_wild(s, c, t);
  int64_t at = prev_first(s, c, t, s->dst == SCHEDULE_DST_SKIP ? GAP_SKIP : GAP_FIRE);
  if (s->dst != SCHEDULE_DST_BOTH) return at;
  int64_t wild = prev_wild(s, c, t);
  return at == CRON_NONE || (wild != CRON_NONE && wild > at) ? wild : at;
}

/* Number k of the last anchor + k·period <= t. */
static int64_t every_index(const struct member *m, int64_t t_ms) {
  return floor_div(t_ms - m->every.anchor_ms, m->every.period_ms);
}

/* after_ms is within FIRST_MS-1 … END_MS. */
static int64_t member_next(struct schedule *s, struct member *m, int64_t after_ms) {
  switch (m->kind) {
    case MEMBER_CRON: {
      int64_t t = cron_next_s(s, &m->cron, floor_div(after_ms, 1000) + 1);
      return t == CRON_NONE ? INSTANT_NEVER : t * 1000;
    }
    case MEMBER_EVERY: return m->every.anchor_ms + (every_index(m, after_ms) + 1) * m->every.period_ms;
    case MEMBER_AT: return m->at_ms > after_ms ? m->at_ms : INSTANT_NEVER;
    case MEMBER_REBOOT: break;
  }
  return INSTANT_NEVER;
}

/* before_ms is within FIRST_MS … END_MS. */
static int64_t member_prev(struct schedule *s, struct member *m, int64_t before_ms) {
  switch (m->kind) {
    case MEMBER_CRON: {
      int64_t t = cron_prev_s(s, &m->cron, floor_div(before_ms - 1, 1000));
      return t == CRON_NONE ? INSTANT_NONE : t * 1000;
    }
    case MEMBER_EVERY: return m->every.anchor_ms + every_index(m, before_ms - 1) * m->every.period_ms;
    case MEMBER_AT: return m->at_ms < before_ms ? m->at_ms : INSTANT_NONE;
    case MEMBER_REBOOT: break;
  }
  return INSTANT_NONE;
}

/* ---- the set ---- */

int64_t schedule_next(struct schedule *s, int64_t after_ms) {
  if (after_ms < s->start_ms) after_ms = s->start_ms - 1;
  if (after_ms >= s->end_ms) return INSTANT_NEVER;
  int64_t least = member_next(s, &s->members[0], after_ms);
  for (int i = 1; i < s->count; i++) {
    int64_t at = member_next(s, &s->members[i], after_ms);
    if (at < least) least = at;
  }
  ASSERT(least > after_ms);
  return least <= s->end_ms ? least : INSTANT_NEVER;
}

int64_t schedule_prev(struct schedule *s, int64_t before_ms) {
  if (before_ms > s->end_ms) before_ms = s->end_ms + 1;
  if (before_ms <= s->start_ms) return INSTANT_NONE;
  int64_t greatest = INSTANT_NONE;
  for (int i = 0; i < s->count; i++) {
    int64_t at = member_prev(s, &s->members[i], before_ms);
    if (at > greatest) greatest = at;
  }
  ASSERT(greatest < before_ms);
  return greatest >= s->start_ms ? greatest : INSTANT_NONE;
}

/* Does a fixed time fire for the gap at the beginning of the span at hand? */
static bool fires_for_gap(struct schedule *s, struct cron *c) {
  int64_t at = s->span_from_s, gap_end = at + s->span_offset_s;
  struct readings out;
  int64_t reading = cron_next(c, s->span_high_s);
  while (reading != CRON_NONE && reading < gap_end) {
    if (!is_left_out(s, reading, at, GAP_FIRE, &out)) return true;
    reading = cron_next(c, out.last + 1);
  }
  return false;
}

/* Instants of a fixed time within [t, end) of the span at hand. */
static int64_t count_first(struct schedule *s, struct cron *c, int64_t t, int64_t end) {
  int64_t low = t + s->span_offset_s, high = end + s->span_offset_s, repeated = s->span_high_s;
  int64_t n = cron_count(c, low > repeated ? low : repeated, high);
  if (s->dst == SCHEDULE_DST_BOTH) n += cron_count(c, low, high < repeated ? high : repeated);
  bool is_gap = t == s->span_from_s && low > repeated && s->dst != SCHEDULE_DST_SKIP;
  return is_gap && cron_count(c, low, low + 1) == 0 && fires_for_gap(s, c) ? n + 1 : n;
}

/* Instants within [t, until), span by span. */
static int64_t count_cron(struct schedule *s, struct cron *c, int64_t t, int64_t until) {
  int64_t n = 0;
  while (t < until) {
    find_span(s, t);
    int64_t end = s->span_until_s < until ? s->span_until_s : until;
    n +=
        c->is_fixed ? count_first(s, c, t, end) : cron_count(c, t + s->span_offset_s, end + s->span_offset_s);
    t = end;
  }
  return n;
}

/* Of a schedule of one member; the bounds are within the window. */
static int64_t count_member(struct schedule *s, int64_t after_ms, int64_t until_ms) {
  struct member *m = &s->members[0];
  switch (m->kind) {
    case MEMBER_CRON:
      return count_cron(s, &m->cron, floor_div(after_ms, 1000) + 1, floor_div(until_ms, 1000) + 1);
    case MEMBER_EVERY: return every_index(m, until_ms) - every_index(m, after_ms);
    case MEMBER_AT: return m->at_ms > after_ms && m->at_ms <= until_ms;
    case MEMBER_REBOOT: break;
  }
  return 0;
}

static int64_t count_set(struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max) {
  int64_t n = 0, at = schedule_next(s, after_ms);
  for (; at <= until_ms && at != INSTANT_NEVER && n < max; n++) at = schedule_next(s, at);
  return n;
}

int64_t schedule_count(struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
                       int64_t *ret_first, int64_t *ret_last) {
  if (after_ms < s->start_ms) after_ms = s->start_ms - 1;
  if (until_ms > s->end_ms) until_ms = s->end_ms;
  int64_t first = until_ms > after_ms ? schedule_next(s, after_ms) : INSTANT_NEVER;
  bool is_any = first <= until_ms && first != INSTANT_NEVER;
  if (ret_first) *ret_first = is_any ? first : INSTANT_NONE;
  if (ret_last) *ret_last = is_any ? schedule_prev(s, until_ms + 1) : INSTANT_NONE;
  if (!is_any || max <= 0) return 0;
  int64_t n = s->count == 1 ? count_member(s, after_ms, until_ms) : count_set(s, after_ms, until_ms, max);
  return n < max ? n : max;
}

/* ---- what it is ---- */

enum schedule_kind schedule_kind(const struct schedule *s) {
  for (int i = 1; i < s->count; i++)
    if (s->members[i].kind != s->members[0].kind) return SCHEDULE_CRON;
  switch (s->members[0].kind) {
    case MEMBER_CRON: return SCHEDULE_CRON;
    case MEMBER_EVERY: return SCHEDULE_EVERY;
    case MEMBER_AT: return SCHEDULE_AT;
    case MEMBER_REBOOT: return SCHEDULE_REBOOT;
  }
  return SCHEDULE_CRON;
}

const struct tz *schedule_tz(const struct schedule *s) { return s->tz; }

bool schedule_is_fixed(const struct schedule *s) {
  for (int i = 0; i < s->count; i++)
    if (s->members[i].kind != MEMBER_CRON || !s->members[i].cron.is_fixed) return false;
  return true;
}

/* The smallest distance between two set bits on a circle of n; n when there is one bit. */
static int circle_gap(uint64_t bits, int n) {
  ASSERT(bits != 0);
  int first = __builtin_ctzll(bits), before = first, least = n;
  for (uint64_t m = bits & (bits - 1); m; m &= m - 1) {
    int bit = __builtin_ctzll(m);
    if (bit - before < least) least = bit - before;
    before = bit;
  }
  return first + n - before < least ? first + n - before : least;
}

/* Two different times of day differ in the seconds, or else in the minutes, or else in the hours. */
static int64_t clock_gap_s(const struct cron *c) {
  int64_t gap = DAY_S;
  int seconds = circle_gap(c->seconds, 60), minutes = circle_gap(c->minutes, 60),
      hours = circle_gap(c->hours, 24);
  if (hours < 24) gap = hours * INT64_C(3600);
  if (minutes < 60 && minutes * 60 < gap) gap = minutes * 60;
  if (seconds < 60 && seconds < gap) gap = seconds;
  return gap;
}

static void unite(struct cron *all, const struct cron *c) {
  all->seconds |= c->seconds;
  all->minutes |= c->minutes;
  all->hours |= c->hours;
}

/* Across a transition two instants may come closer than any two readings: but readings, and the transitions
 * themselves, keep their remainder modulo the zone's step. */
static int64_t step_gap_s(const struct schedule *s, const struct cron *c, int64_t gap) {
  int64_t step = tz_step_s(s->tz);
  if (step == 0) return gap;
  if (step % 60 != 0) return 1;
  int64_t minutes = step / 60;
  uint64_t remainders = s->dst != SCHEDULE_DST_SKIP; /* bit 0: a gap's end */
  if (minutes > 60 || 60 % minutes != 0) return gap < 60 ? gap : 60;
  for (uint64_t m = c->minutes; m; m &= m - 1) remainders |= UINT64_C(1) << (__builtin_ctzll(m) % minutes);
  bool is_whole = c->seconds == 1;
  int64_t least = is_whole ? 60 * circle_gap(remainders, (int)minutes) : circle_gap(c->seconds | 1, 60);
  return least < gap ? least : gap;
}

int64_t schedule_min_interval_ms(const struct schedule *s) {
  struct cron all = {};
  int cron_count = 0;
  for (int i = 0; i < s->count; i++)
    if (s->members[i].kind == MEMBER_CRON) unite(&all, &s->members[i].cron), cron_count++;
  if (cron_count == s->count) {
    int64_t gap_s = clock_gap_s(&all), least_s = step_gap_s(s, &all, gap_s);
    /* Once for each reading: only a jump forward brings two of them closer. */
    bool is_once = schedule_is_fixed(s) && s->dst != SCHEDULE_DST_BOTH;
    if (is_once && gap_s - tz_jump_s(s->tz) > least_s) least_s = gap_s - tz_jump_s(s->tz);
    return 1000 * least_s;
  }
  if (s->count > 1) return 1;
  return s->members[0].kind == MEMBER_EVERY ? s->members[0].every.period_ms : INSTANT_NEVER;
}

enum err schedule_format(const struct schedule *s, struct buf *out) {
  buf_add(out, schedule_text(s).ptr, s->text_len);
  return buf_error(out);
}

static bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool schedule_is_drawn(struct str text) {
  for (size_t i = 0; i < text.len; i++) {
    bool follows = i > 0 && (is_letter(text.ptr[i - 1]) || is_digit(text.ptr[i - 1])); /* THU, @every 1h30m */
    bool is_alone = !follows && !(i + 1 < text.len && is_letter(text.ptr[i + 1]));
    if (text.ptr[i] == '~' || ((text.ptr[i] | 32) == 'h' && is_alone)) return true;
  }
  return false;
}

uint64_t schedule_seed(struct str job_id) { return hash_bytes(job_id.ptr, job_id.len, 0x5e7e40); }

static const char *const dialect_names[] = {"sereno", "ocps", "quartz"};
static const char *const dst_names[] = {"once", "skip", "both"};

const char *schedule_dialect_name(enum schedule_dialect d) {
  ASSERT(d >= 0 && d < SCHEDULE_DIALECT_COUNT);
  return dialect_names[d];
}

const char *schedule_dst_name(enum schedule_dst d) {
  ASSERT(d >= 0 && d < SCHEDULE_DST_COUNT);
  return dst_names[d];
}

static int index_of(struct str name, const char *const *names, int count) {
  for (int i = 0; i < count; i++)
    if (str_eq(name, str_of(names[i]))) return i;
  return -1;
}

bool schedule_dialect_from_name(struct str name, enum schedule_dialect *ret) {
  int i = index_of(name, dialect_names, SCHEDULE_DIALECT_COUNT);
  if (i >= 0) *ret = (enum schedule_dialect)i;
  return i >= 0;
}

bool schedule_dst_from_name(struct str name, enum schedule_dst *ret) {
  int i = index_of(name, dst_names, SCHEDULE_DST_COUNT);
  if (i >= 0) *ret = (enum schedule_dst)i;
  return i >= 0;
}
