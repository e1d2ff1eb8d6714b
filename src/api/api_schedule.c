/* GET and POST /api/cron/schedule/explain: what a schedule means, before it is saved. */
#include <stdio.h>

#include "api/api_system.h"
#include "time/schedule.h"

struct explain_query {
  const char *schedule, *timezone, *seed;
  int64_t dialect, dst, days_and, lang, from_ms, count, usual_duration, start_ms, end_ms;
};
static const char *const lang_names[] = {"en", "es", NULL};
SHAPE_OF(explain_query, "ExplainRequest", sizeof(struct explain_query),
         IN(struct explain_query, schedule, "schedule", TEXT, FIELD_REQUIRED, 1, LIMIT_SCHEDULE_BYTES,
            FIELD_NULL, "cron expression, @every 1h30m, @at …, or several joined by ' | '"),
         IN(struct explain_query, timezone, "timezone", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "IANA name; default settings.timezone"),
         IN_ENUM(struct explain_query, dialect, "dialect", FIELD_NULLABLE, FIELD_NULL, dialect_names,
                 "default sereno"),
         IN_ENUM(struct explain_query, dst, "dst", FIELD_NULLABLE, FIELD_NULL, dst_policy_names,
                 "default once"),
         IN(struct explain_query, days_and, "daysAnd", BOOL, 0, 0, 1, 0, "both days must match"),
         IN_ENUM(struct explain_query, lang, "lang", 0, SCHEDULE_LANG_EN, lang_names, "of the sentence"),
         IN(struct explain_query, from_ms, "from", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, "default now"),
         IN(struct explain_query, count, "count", INT, 0, 0, SCHEDULE_EXPLAIN_RUNS_MAX, 5,
            "of next and of previous"),
         IN(struct explain_query, usual_duration, "usualDuration", INT, 0, 0, 31536000, 0,
            "seconds, to warn of shorter intervals"),
         IN(struct explain_query, seed, "seed", TEXT, FIELD_NULLABLE, 1, 64, FIELD_NULL,
            "id of a job, or one that GET /api/cron/job-id proposes for a job to come: for its own H and ~"),
         IN(struct explain_query, start_ms, "startAt", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, ""),
         IN(struct explain_query, end_ms, "endAt", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, ""));
SHAPE_OF(schedule_warning, "ScheduleWarning", 0, OUT("code", TEXT, 0, "dst_gap, days_or, …"),
         OUT("at", INSTANT, FIELD_NULLABLE, ""), OUT("text", TEXT, 0, ""));
static const struct shape_part explain_answer_parts[] = {{"next", NULL, PART_INSTANTS},
                                                         {"nextLocal", NULL, PART_TEXTS},
                                                         {"previous", NULL, PART_INSTANTS},
                                                         {"previousLocal", NULL, PART_TEXTS},
                                                         {"warnings", &schedule_warning_shape, PART_LIST}};
SHAPE_PARTS(explain_answer, "Explanation", NULL, explain_answer_parts,
            OUT("schedule", TEXT, 0, "in its canonical form"), OUT("sentence", TEXT, 0, "what it means"),
            OUT("timezone", TEXT, 0, ""), OUT("kind", TEXT, 0, "cron, every, at or reboot"),
            OUT("isFixed", BOOL, 0, "of wall-clock times: the DST policy matters"),
            OUT("runsPerDay", REAL3, 0, "mean of a year"));

static const char *const kind_names[] = {[SCHEDULE_CRON] = "cron",
                                         [SCHEDULE_EVERY] = "every",
                                         [SCHEDULE_AT] = "at",
                                         [SCHEDULE_REBOOT] = "reboot"};

static int64_t instant_or_open(int64_t ms) { return ms == FIELD_NULL ? INSTANT_NONE : ms; }

/* A schedule never sees what it cannot use, so the two meanings of "none" meet here. */
static struct schedule_options options_of(const struct call *c, const struct explain_query *q) {
  const char *zone = q->timezone ? q->timezone : engine_settings(c->api->engine)->timezone;
  return (struct schedule_options){
      .timezone = str_of(zone),
      .dialect = q->dialect == FIELD_NULL ? SCHEDULE_DIALECT_SERENO : (enum schedule_dialect)q->dialect,
      .dst = q->dst == FIELD_NULL ? SCHEDULE_DST_ONCE : (enum schedule_dst)q->dst,
      .days_and = q->days_and == 1,
      .seed = q->seed ? schedule_seed(str_of(q->seed)) : 0,
      .anchor_ms = call_now_ms(c),
      .start_ms = instant_or_open(q->start_ms),
      .end_ms = instant_or_open(q->end_ms),
  };
}

/* RFC 3339 with the zone's offset, for people. */
static void write_local(struct json_writer *w, const struct tz *zone, int64_t at_ms) {
  int offset_s = tz_offset_s(zone, at_ms / 1000 - (at_ms % 1000 < 0), NULL, NULL);
  struct instant_text shifted = instant_to_text_seconds(at_ms + offset_s * 1000LL);
  size_t length = strlen(shifted.text);
  int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
  char text[64];
  if (length && shifted.text[length - 1] == 'Z') shifted.text[length - 1] = 0;
  (void)snprintf(text, sizeof text, "%s%c%02d:%02d", shifted.text, offset_s < 0 ? '-' : '+',
                 minutes / 60 % 100, minutes % 60);
  jw_text(w, text);
}

struct runs {
  const int64_t *at_ms;
  int count;
};

static void write_runs(struct json_writer *w, const char *key, const char *local_key, struct runs runs,
                       const struct tz *zone) {
  jw_key(w, key);
  jw_array(w);
  for (int i = 0; i < runs.count; i++) jw_instant(w, runs.at_ms[i]);
  jw_array_end(w);
  jw_key(w, local_key);
  jw_array(w);
  for (int i = 0; i < runs.count; i++) write_local(w, zone, runs.at_ms[i]);
  jw_array_end(w);
}

static void write_warnings(struct json_writer *w, const struct schedule_explanation *x) {
  jw_key(w, "warnings");
  jw_array(w);
  for (int i = 0; i < x->warning_count; i++) {
    const struct schedule_warning *warning = &x->warnings[i];
    jw_object(w);
    jw_ktext(w, "code", schedule_warning_name(warning->code));
    jw_key(w, "at");
    if (warning->at_ms == INSTANT_NONE) jw_null(w);
    else jw_instant(w, warning->at_ms);
    jw_ktext(w, "text", warning->text);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void write_explanation(struct call *c, const struct schedule *s,
                              const struct schedule_explanation *x) {
  BUF_AUTO struct buf canonical = buf_new(2 * LIMIT_SCHEDULE_BYTES);
  enum err e = schedule_format(s, &canonical);
  const struct tz *zone = schedule_tz(s);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kstr(w, "schedule", e == ERR_OK ? buf_str(&canonical) : STR(""));
  jw_ktext(w, "sentence", x->sentence);
  jw_kstr(w, "timezone", tz_name(zone).len ? tz_name(zone) : STR("UTC"));
  jw_ktext(w, "kind", kind_names[schedule_kind(s)]);
  jw_kbool(w, "isFixed", schedule_is_fixed(s));
  jw_kreal(w, "runsPerDay", x->runs_per_day);
  write_runs(w, "next", "nextLocal", (struct runs){x->next_ms, x->next_count}, zone);
  write_runs(w, "previous", "previousLocal", (struct runs){x->prev_ms, x->prev_count}, zone);
  write_warnings(w, x);
  jw_object_end(w);
}

void schedule_explain_it(struct call *c) {
  const struct explain_query *q = CALL_INPUT(c, struct explain_query);
  struct schedule_options options = options_of(c, q);
  struct schedule_explain_options how = {.lang = (enum schedule_lang)q->lang,
                                         .from_ms = q->from_ms == FIELD_NULL ? call_now_ms(c) : q->from_ms,
                                         .count = (int)q->count,
                                         .usual_duration_ms = q->usual_duration * 1000,
                                         .is_of_no_job = !q->seed};
  struct schedule_explanation *x = ARENA_NEW(&c->req->arena, struct schedule_explanation);
  struct schedule *s = NULL;
  enum err e =
      x ? schedule_compile(engine_tzdb(c->api->engine), str_of(q->schedule), &options, &s, &c->detail)
        : ERR_NO_MEMORY;
  if (e == ERR_OK) e = schedule_explain(s, &how, x);
  if (e == ERR_OK) write_explanation(c, s, x);
  schedule_free(s);
  if (e == ERR_OK) call_end(c, 200);
  else call_fail(c, e);
}
