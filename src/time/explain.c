#include <stdio.h>

#include "time/explain_words.h"

#define WARN_TRANSITIONS_MAX 12                 /* looked at for gaps and overlaps */
#define WARN_AHEAD_S (INT64_C(3) * 366 * 86400) /* how far ahead a transition is worth a warning */
#define SHORT_SAMPLE 50 /* runs whose distances are compared with the usual duration */
#define YEAR_DAYS 365
#define EXACT_RUNS_MAX 5000 /* a set with fewer runs a year is counted, otherwise its parts are added up */

static const char *const warning_names[] = {"never", "dst_gap", "dst_overlap", "days_or", "uneven_step",
                                            "short", "crowded", "short_month", "example"};
static_assert(sizeof warning_names / sizeof warning_names[0] == SCHEDULE_WARNING_COUNT, "one name each");

const char *schedule_warning_name(enum schedule_warning_code code) {
  ASSERT(code >= 0 && code < SCHEDULE_WARNING_COUNT);
  return warning_names[code];
}

bool schedule_lang_from_name(struct str name, enum schedule_lang *ret) {
  if (str_eq(name, STR("en"))) *ret = SCHEDULE_LANG_EN;
  else if (str_eq(name, STR("es"))) *ret = SCHEDULE_LANG_ES;
  else return false;
  return true;
}

struct explainer {
  struct schedule *s;
  const struct schedule_explain_options *options;
  struct schedule_explanation *to;
};

static void copy_cut(char *to, size_t size, struct buf *text) {
  const char *whole = buf_text(text);
  (void)str_copy(to, size, whole ? str_of(whole) : STR_NONE);
}

static void warn(struct explainer *e, enum schedule_warning_code code, int64_t at_ms, enum explain_text text,
                 const char *const args[EXPLAIN_ARGS_MAX]) {
  if (e->to->warning_count == SCHEDULE_WARNINGS_MAX) return;
  struct schedule_warning *w = &e->to->warnings[e->to->warning_count++];
  BUF_AUTO struct buf out = buf_new(ERR_TEXT_MAX - 1);
  explain_say(&out, e->options->lang, text, args);
  *w = (struct schedule_warning){.code = code, .at_ms = at_ms};
  copy_cut(w->text, sizeof w->text, &out);
}
#define WARN(e, code, at_ms, text, ...) \
  warn((e), (code), (at_ms), (text), (const char *const[EXPLAIN_ARGS_MAX]){__VA_ARGS__})

/* ---- daylight saving ---- */

/* Does a reading within [low_s, high_s) match, of a member that cares? One that fires through all hours with
 * a step does not: nobody is surprised by it. */
static bool falls_into(struct schedule *s, int64_t low_s, int64_t high_s, bool *ret_is_fixed) {
  for (int i = 0; i < s->count; i++) {
    struct member *m = &s->members[i];
    if (m->kind != MEMBER_CRON || (!m->cron.is_fixed && m->cron.hours == 0xffffff)) continue;
    int64_t reading = cron_next(&m->cron, low_s);
    *ret_is_fixed = m->cron.is_fixed;
    if (reading != CRON_NONE && reading < high_s) return true;
  }
  return false;
}

static void warn_transition(struct explainer *e, int64_t at_s, int64_t before_s, int64_t after_s) {
  bool is_gap = after_s > before_s, is_fixed;
  if (!falls_into(e->s, is_gap ? before_s : after_s, is_gap ? after_s : before_s, &is_fixed)) return;
  bool is_skipped = !is_fixed || e->s->dst == SCHEDULE_DST_SKIP;
  bool is_doubled = !is_fixed || e->s->dst == SCHEDULE_DST_BOTH;
  struct instant_text before = instant_to_text_seconds(before_s * 1000),
                      after = instant_to_text_seconds(after_s * 1000);
  char day[11], from[6], to[6];
  (void)snprintf(day, sizeof day, "%.10s", before.text);
  (void)snprintf(from, sizeof from, "%.5s", before.text + 11);
  (void)snprintf(to, sizeof to, "%.5s", after.text + 11);
  if (is_gap)
    WARN(e, SCHEDULE_WARNING_DST_GAP, at_s * 1000, is_skipped ? TEXT_WARN_GAP_SKIP : TEXT_WARN_GAP_ONCE, day,
         from, to);
  else
    WARN(e, SCHEDULE_WARNING_DST_OVERLAP, at_s * 1000,
         is_doubled ? TEXT_WARN_OVERLAP_BOTH : TEXT_WARN_OVERLAP_ONCE, day, from, to);
}

static bool has_warning(const struct explainer *e, enum schedule_warning_code code) {
  for (int i = 0; i < e->to->warning_count; i++)
    if (e->to->warnings[i].code == code) return true;
  return false;
}

/* The next gap and the next overlap that matter, one warning each. */
static void warn_dst(struct explainer *e) {
  int64_t at_s = e->options->from_ms / 1000, end_s = at_s + WARN_AHEAD_S;
  for (int i = 0; i < WARN_TRANSITIONS_MAX && tz_next_transition(e->s->tz, at_s, &at_s) && at_s < end_s;
       i++) {
    int64_t before_s = at_s + tz_offset_s(e->s->tz, at_s - 1, NULL, NULL);
    int64_t after_s = at_s + tz_offset_s(e->s->tz, at_s, NULL, NULL);
    if (before_s == after_s) continue;
    if (!has_warning(e, after_s > before_s ? SCHEDULE_WARNING_DST_GAP : SCHEDULE_WARNING_DST_OVERLAP))
      warn_transition(e, at_s, before_s, after_s);
  }
}

/* ---- the expression itself ---- */

static void warn_step(struct explainer *e, uint64_t bits, int n, enum explain_text unit) {
  int step = explain_step_of(bits, n);
  if (step == 0 || n % step == 0 || has_warning(e, SCHEDULE_WARNING_UNEVEN_STEP)) return;
  char number[12], whole[12];
  (void)snprintf(number, sizeof number, "%d", step);
  (void)snprintf(whole, sizeof whole, "%d", n);
  BUF_AUTO struct buf unit_text = buf_new(32);
  SAY(&unit_text, e->options->lang, unit, NULL);
  const char *text = buf_text(&unit_text);
  WARN(e, SCHEDULE_WARNING_UNEVEN_STEP, INSTANT_NONE, TEXT_WARN_UNEVEN, number, text ? text : "", whole);
}

static void warn_short_month(struct explainer *e, const struct cron *c) {
  bool is_late = c->days && !(c->days & 0x1fffffff) && !c->last_days; /* only days 29, 30, 31 */
  if (!is_late || has_warning(e, SCHEDULE_WARNING_SHORT_MONTH)) return;
  char day[12];
  (void)snprintf(day, sizeof day, "%d", __builtin_ctz(c->days));
  WARN(e, SCHEDULE_WARNING_SHORT_MONTH, INSTANT_NONE, TEXT_WARN_SHORT_MONTH, day);
}

static void warn_cron(struct explainer *e, const struct cron *c) {
  if (!c->is_and && !has_warning(e, SCHEDULE_WARNING_DAYS_OR))
    WARN(e, SCHEDULE_WARNING_DAYS_OR, INSTANT_NONE, TEXT_WARN_DAYS_OR, NULL);
  if (!c->is_fixed) {
    warn_step(e, c->seconds, 60, TEXT_SECONDS);
    warn_step(e, c->minutes, 60, TEXT_MINUTES);
    warn_step(e, c->hours, 24, TEXT_HOURS_UNIT);
  }
  warn_short_month(e, c);
  if (c->seconds == 1 && c->minutes == 1 && !schedule_is_drawn(schedule_text(e->s)) &&
      !has_warning(e, SCHEDULE_WARNING_CROWDED))
    WARN(e, SCHEDULE_WARNING_CROWDED, INSTANT_NONE, TEXT_WARN_CROWDED, NULL);
}

static void warn_short(struct explainer *e) {
  int64_t least_ms = INT64_MAX, before_ms = schedule_next(e->s, e->options->from_ms);
  for (int i = 0; i < SHORT_SAMPLE && before_ms != INSTANT_NEVER; i++) {
    int64_t at_ms = schedule_next(e->s, before_ms);
    if (at_ms != INSTANT_NEVER && at_ms - before_ms < least_ms) least_ms = at_ms - before_ms;
    before_ms = at_ms;
  }
  if (least_ms >= e->options->usual_duration_ms) return;
  char gap[24], usual[24];
  (void)snprintf(gap, sizeof gap, "%lld", (long long)(least_ms / 1000));
  (void)snprintf(usual, sizeof usual, "%lld", (long long)((e->options->usual_duration_ms + 999) / 1000));
  WARN(e, SCHEDULE_WARNING_SHORT, INSTANT_NONE, TEXT_WARN_SHORT, gap, usual);
}

static void add_warnings(struct explainer *e) {
  if (schedule_kind(e->s) == SCHEDULE_REBOOT) return;
  if (schedule_next(e->s, e->options->from_ms) == INSTANT_NEVER) {
    WARN(e, SCHEDULE_WARNING_NEVER, INSTANT_NONE, TEXT_WARN_NEVER, NULL);
    return;
  }
  warn_dst(e);
  for (int i = 0; i < e->s->count; i++)
    if (e->s->members[i].kind == MEMBER_CRON) warn_cron(e, &e->s->members[i].cron);
  if (e->options->usual_duration_ms > 0) warn_short(e);
  if (e->options->is_of_no_job && schedule_is_drawn(schedule_text(e->s)))
    WARN(e, SCHEDULE_WARNING_EXAMPLE, INSTANT_NONE, TEXT_WARN_EXAMPLE, NULL);
}

/* ---- runs ---- */

static int64_t runs_of_year(struct cron *c, int64_t from_s) {
  struct cron daily = *c; /* the same days, once a day */
  daily.seconds = daily.minutes = 1;
  daily.hours = 1;
  int64_t start = from_s - (from_s % 86400 + 86400) % 86400, days = 0;
  for (int64_t at = cron_next(&daily, start); at != CRON_NONE && at < start + YEAR_DAYS * INT64_C(86400);
       at = cron_next(&daily, at + 1))
    days++;
  return days * __builtin_popcountll(c->seconds) * __builtin_popcountll(c->minutes) *
         __builtin_popcount(c->hours);
}

static double runs_per_day(struct schedule *s, int64_t from_ms) {
  int64_t until_ms = from_ms + YEAR_DAYS * SCHEDULE_DAY_MS;
  int64_t exact = schedule_count(s, from_ms, until_ms, EXACT_RUNS_MAX, NULL, NULL);
  if (exact < EXACT_RUNS_MAX) return (double)exact / YEAR_DAYS;
  double runs = 0;
  for (int i = 0; i < s->count; i++) {
    struct member *m = &s->members[i];
    if (m->kind == MEMBER_CRON) runs += (double)runs_of_year(&m->cron, from_ms / 1000) / YEAR_DAYS;
    if (m->kind == MEMBER_EVERY) runs += (double)SCHEDULE_DAY_MS / (double)m->every.period_ms;
  }
  return runs;
}

enum err schedule_explain(struct schedule *s, const struct schedule_explain_options *options,
                          struct schedule_explanation *ret) {
  if (options->count < 0 || options->count > SCHEDULE_EXPLAIN_RUNS_MAX) return ERR_LIMIT;
  if (options->from_ms < SCHEDULE_FIRST_MS || options->from_ms >= SCHEDULE_END_MS) return ERR_INVALID;
  *ret = (struct schedule_explanation){};
  struct explainer e = {s, options, ret};
  BUF_AUTO struct buf sentence = buf_new(16384);
  explain_sentence(&sentence, s, options);
  TRY(buf_error(&sentence));
  copy_cut(ret->sentence, sizeof ret->sentence, &sentence);
  int64_t at_ms = options->from_ms;
  while (ret->next_count < options->count && (at_ms = schedule_next(s, at_ms)) != INSTANT_NEVER)
    ret->next_ms[ret->next_count++] = at_ms;
  at_ms = options->from_ms;
  while (ret->prev_count < options->count && (at_ms = schedule_prev(s, at_ms)) != INSTANT_NONE)
    ret->prev_ms[ret->prev_count++] = at_ms;
  ret->runs_per_day = runs_per_day(s, options->from_ms);
  add_warnings(&e);
  return ERR_OK;
}
