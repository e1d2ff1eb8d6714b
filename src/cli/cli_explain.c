#include "cli/cli_explain.h"

#include <stdio.h>

#include "base/json.h"
#include "cli/schedule_args.h"
#include "sys/world.h"

#define ANSWER_BYTES_MAX (256 * 1024)
#define DEFAULT_COUNT 3

static const char help[] =
    "sereno explain EXPR [options]   a schedule in words, its runs, its traps\n"
    "\n"
    "  --tz ZONE       IANA time zone (UTC)\n"
    "  --lang LANG     en or es\n"
    "  --from INSTANT  the instant to look from (now)\n"
    "  --count N       how many runs before and after (3, at most 100)\n"
    "  --usual TIME    the usual duration of a run, such as 90s\n"
    "  --dst RULE, --dialect NAME, --and, --seed ID, --start, --end, --anchor INSTANT: as for next\n"
    "  --json          for programs\n";

struct labels {
  const char *next, *prev, *per_day, *warning;
};
static const struct labels labels[] = {
    [SCHEDULE_LANG_EN] = {"next", "previous", "runs a day", "note"},
    [SCHEDULE_LANG_ES] = {"próximas", "anteriores", "ejecuciones al día", "aviso"},
};

static void print_run(const struct tz *tz, int64_t at_ms) {
  char abbreviation[TZ_ABBREVIATION_MAX];
  int offset_s = tz_offset_s(tz, at_ms / 1000, NULL, abbreviation);
  struct instant_text text = instant_to_text_seconds(at_ms + 1000 * (int64_t)offset_s);
  (void)printf("  %.10s %.8s %-5s %s\n", text.text, text.text + 11, abbreviation,
               instant_to_text_seconds(at_ms).text);
}

static void print_text(const struct schedule *s, const struct schedule_explanation *x,
                       enum schedule_lang lang) {
  const struct labels *l = &labels[lang];
  (void)printf("%s.\n", x->sentence);
  if (x->next_count > 0) (void)printf("%s:\n", l->next);
  for (int i = 0; i < x->next_count; i++) print_run(schedule_tz(s), x->next_ms[i]);
  if (x->prev_count > 0) (void)printf("%s:\n", l->prev);
  for (int i = 0; i < x->prev_count; i++) print_run(schedule_tz(s), x->prev_ms[i]);
  (void)printf("%s: %.4g\n", l->per_day, x->runs_per_day);
  for (int i = 0; i < x->warning_count; i++) (void)printf("%s: %s\n", l->warning, x->warnings[i].text);
}

static void write_instants(struct json_writer *w, const char *key, const int64_t *at_ms, int count) {
  jw_key(w, key);
  jw_array(w);
  for (int i = 0; i < count; i++) jw_instant(w, at_ms[i]);
  jw_array_end(w);
}

static int print_json(const struct schedule *s, const struct schedule_explanation *x) {
  BUF_AUTO struct buf out = buf_new(ANSWER_BYTES_MAX);
  BUF_AUTO struct buf canonical = buf_new(LIMIT_SCHEDULE_BYTES);
  if (schedule_format(s, &canonical) != ERR_OK) return 1;
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_kstr(&w, "expr", buf_str(&canonical));
  jw_kstr(&w, "tz", tz_name(schedule_tz(s)));
  jw_ktext(&w, "sentence", x->sentence);
  write_instants(&w, "next", x->next_ms, x->next_count);
  write_instants(&w, "prev", x->prev_ms, x->prev_count);
  jw_kreal(&w, "runsPerDay", x->runs_per_day);
  jw_key(&w, "warnings");
  jw_array(&w);
  for (int i = 0; i < x->warning_count; i++) {
    jw_object(&w);
    jw_ktext(&w, "code", schedule_warning_name(x->warnings[i].code));
    if (x->warnings[i].at_ms != INSTANT_NONE) jw_kinstant(&w, "at", x->warnings[i].at_ms);
    jw_ktext(&w, "text", x->warnings[i].text);
    jw_object_end(&w);
  }
  jw_array_end(&w);
  jw_object_end(&w);
  if (buf_error(&out) != ERR_OK) return 1;
  (void)printf("%.*s\n", STR_ARG(buf_str(&out)));
  return 0;
}

static int answer(struct tzdb *db, const struct schedule_args *a) {
  struct err_detail detail = {};
  struct schedule *s;
  enum err e = schedule_compile(db, str_of(a->expression), &a->options, &s, &detail);
  if (e != ERR_OK) return schedule_args_fail("explain", e, &detail, a->expression);
  struct schedule_explain_options o = {
      .lang = a->lang,
      .from_ms = a->from_ms,
      .count = (int)(a->count < SCHEDULE_EXPLAIN_RUNS_MAX ? a->count : SCHEDULE_EXPLAIN_RUNS_MAX),
      .usual_duration_ms = a->usual_ms,
      .is_of_no_job = !a->options.seed};
  struct schedule_explanation x;
  int code = 0;
  e = schedule_explain(s, &o, &x);
  if (e == ERR_INVALID) (void)err_set(&detail, e, "from", 0, "--from must be within the years 1970 to 2199");
  if (e != ERR_OK) code = schedule_args_fail("explain", e, &detail, NULL);
  else if (a->is_json) code = print_json(s, &x);
  else print_text(s, &x, a->lang);
  schedule_free(s);
  return code;
}

int cli_explain(int argc, char **argv) {
  struct schedule_args args;
  struct err_detail detail = {};
  enum err e = schedule_args_parse(argc, argv, world_now_ms(world_real()), DEFAULT_COUNT, &args, &detail);
  if (e != ERR_OK) return schedule_args_fail("explain", e, &detail, NULL);
  if (args.is_help || !args.expression[0]) {
    (void)fputs(help, args.is_help ? stdout : stderr);
    return args.is_help ? 0 : 2;
  }
  struct tzdb *db;
  if (tzdb_new(NULL, &db) != ERR_OK) return 1;
  int code = answer(db, &args);
  tzdb_free(db);
  return code;
}
