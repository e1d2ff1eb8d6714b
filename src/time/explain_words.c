#include "time/explain_words.h"

#include <stdio.h>

#define LANGS 2
#define TIMES_LISTED_MAX 6 /* more times of day than this are told by their fields */
#define PIECE_BYTES 512
#define ALL_WEEKDAYS 0x7f

/* clang-format off */
static const char *const texts[TEXT_COUNT][LANGS] = {
  [TEXT_AND] = {" and ", " y "},
  [TEXT_OR] = {" or ", " o "},
  [TEXT_EVERY_SECOND] = {"every second", "cada segundo"},
  [TEXT_EVERY_N_SECONDS] = {"every {} seconds", "cada {} segundos"},
  [TEXT_AT_SECOND] = {"at second {}", "en el segundo {}"},
  [TEXT_AT_SECONDS] = {"at the seconds {}", "en los segundos {}"},
  [TEXT_EVERY_MINUTE] = {"every minute", "cada minuto"},
  [TEXT_EVERY_N_MINUTES] = {"every {} minutes", "cada {} minutos"},
  [TEXT_AT_MINUTE] = {"at minute {}", "en el minuto {}"},
  [TEXT_AT_MINUTES] = {"at the minutes {}", "en los minutos {}"},
  [TEXT_EVERY_HOUR] = {"of every hour", "de cada hora"},
  [TEXT_HOUR] = {"in the hour {}", "en la hora {}"},
  [TEXT_HOURS] = {"in the hours {}", "en las horas {}"},
  [TEXT_AT_TIME] = {"at {}", "a las {}"},
  [TEXT_EVERY_DAY] = {"every day", "todos los días"},
  [TEXT_DAY] = {"on day {} of the month", "el día {} del mes"},
  [TEXT_DAYS] = {"on the days {} of the month", "los días {} del mes"},
  [TEXT_LAST_DAY] = {"on the last day of the month", "el último día del mes"},
  [TEXT_BEFORE_LAST_DAY] = {"{} days before the last day of the month", "{} días antes del último día del mes"},
  [TEXT_NEAR_DAY] = {"on the working day nearest to day {}", "el día laborable más cercano al día {}"},
  [TEXT_NEAR_LAST_DAY] = {"on the last working day of the month", "el último día laborable del mes"},
  [TEXT_NEAR_BEFORE_LAST_DAY] = {"on the working day nearest to {} days before the last day of the month",
                                 "el día laborable más cercano a {} días antes del último del mes"},
  [TEXT_WEEKDAYS] = {"every {}", "cada {}"},
  [TEXT_WEEKDAYS_ALSO] = {"{}", "{}"},
  [TEXT_WEEKDAY_RANGE] = {"from {} to {}", "de {} a {}"},
  [TEXT_NTH_WEEKDAY] = {"on the {} {} of the month", "el {} {} del mes"},
  [TEXT_ONLY_IF] = {", if that is ", ", si es "},
  [TEXT_MONTHS] = {"in {}", "en {}"},
  [TEXT_YEARS] = {"in {}", "en {}"},
  [TEXT_EVERY_PERIOD] = {"every {} of elapsed time", "cada {} de tiempo transcurrido"},
  [TEXT_AT] = {"once, at {}", "una vez, el {}"},
  [TEXT_REBOOT] = {"once for each start of the machine", "una vez por cada arranque de la máquina"},
  [TEXT_ZONE] = {" (time zone {})", " (zona horaria {})"},
  [TEXT_ALSO] = {"; and ", "; y "},
  [TEXT_WARN_NEVER] = {"It never fires.", "No se ejecuta nunca."},
  [TEXT_WARN_GAP_ONCE] = {"On {} the clock jumps from {} to {}: a time in between fires at the end of the gap.",
                          "El {} el reloj salta de {} a {}: una hora intermedia se ejecuta al final del salto."},
  [TEXT_WARN_GAP_SKIP] = {"On {} the clock jumps from {} to {}: a time in between does not fire.",
                          "El {} el reloj salta de {} a {}: una hora intermedia no se ejecuta."},
  [TEXT_WARN_OVERLAP_ONCE] = {"On {} the clock goes back from {} to {}: a repeated time fires at its first pass only.",
                              "El {} el reloj vuelve de {} a {}: una hora repetida solo se ejecuta la primera vez."},
  [TEXT_WARN_OVERLAP_BOTH] = {"On {} the clock goes back from {} to {}: a repeated time fires at both passes.",
                              "El {} el reloj vuelve de {} a {}: una hora repetida se ejecuta las dos veces."},
  [TEXT_WARN_DAYS_OR] = {"It fires when the day of the month OR the day of the week matches; "
                         "write + before the weekday to demand both.",
                         "Se ejecuta si coincide el día del mes O el de la semana; "
                         "escriba + delante del día de la semana para exigir ambos."},
  [TEXT_WARN_UNEVEN] = {"Every {} {} starts again after {}, so the last gap is shorter.",
                        "Cada {} {} vuelve a empezar tras {}, así que el último intervalo es más corto."},
  [TEXT_WARN_SHORT] = {"Two runs may be {} s apart, less than the usual duration of {} s.",
                       "Dos ejecuciones pueden distar {} s, menos que la duración habitual de {} s."},
  [TEXT_WARN_CROWDED] = {"Many jobs run at minute 0; H instead of the minute finds a quieter one.",
                         "Muchos trabajos se ejecutan en el minuto 0; con H en el minuto se elige uno más tranquilo."},
  [TEXT_WARN_SHORT_MONTH] = {"Not every month has day {}; L is the last day of any month.",
                             "No todos los meses tienen día {}; L es el último día de cualquier mes."},
  [TEXT_WARN_EXAMPLE] = {"H and ~ are drawn from the job's id: these times are an example, a job has its own.",
                         "H y ~ salen del id de la tarea: estas horas son un ejemplo, cada tarea tiene las suyas."},
  [TEXT_SECONDS] = {"seconds", "segundos"},
  [TEXT_MINUTES] = {"minutes", "minutos"},
  [TEXT_HOURS_UNIT] = {"hours", "horas"},
};

static const char *const weekday_names[7][LANGS] = {
  {"Sunday", "domingo"}, {"Monday", "lunes"}, {"Tuesday", "martes"}, {"Wednesday", "miércoles"},
  {"Thursday", "jueves"}, {"Friday", "viernes"}, {"Saturday", "sábado"},
};
static const char *const month_names[12][LANGS] = {
  {"January", "enero"}, {"February", "febrero"}, {"March", "marzo"}, {"April", "abril"}, {"May", "mayo"},
  {"June", "junio"}, {"July", "julio"}, {"August", "agosto"}, {"September", "septiembre"},
  {"October", "octubre"}, {"November", "noviembre"}, {"December", "diciembre"},
};
static const char *const ordinals[6][LANGS] = {
  {"first", "primer"}, {"second", "segundo"}, {"third", "tercer"}, {"fourth", "cuarto"}, {"fifth", "quinto"},
  {"last", "último"},
};
/* clang-format on */

void explain_say(struct buf *out, enum schedule_lang lang, enum explain_text text,
                 const char *const args[EXPLAIN_ARGS_MAX]) {
  ASSERT(text >= 0 && text < TEXT_COUNT && texts[text][lang]);
  struct str rest = str_of(texts[text][lang]);
  for (int i = 0;; i++) {
    size_t at = str_find(rest, STR("{}"));
    if (at == SIZE_MAX) break;
    ASSERT(i < EXPLAIN_ARGS_MAX && args[i]);
    buf_add(out, rest.ptr, at);
    buf_add_text(out, args[i]);
    rest = str_from(rest, at + 2);
  }
  buf_add_str(out, rest);
}

/* ---- lists: "1, 5–9 and 12" ---- */

struct list_writer {
  struct buf *out;
  enum schedule_lang lang;
  int left; /* pieces still to come */
};

static void begin_piece(struct list_writer *w, bool is_first) {
  if (!is_first) buf_add_text(w->out, w->left == 1 ? texts[TEXT_AND][w->lang] : ", ");
  w->left--;
}

static int bit_after(uint64_t bits, int bit) {
  uint64_t rest = bit >= 63 ? 0 : bits >> (bit + 1) << (bit + 1);
  return rest ? __builtin_ctzll(rest) : 64;
}

/* End of the run of consecutive bits that begins at bit. */
static int run_end(uint64_t bits, int bit) {
  while (bit < 63 && (bits >> (bit + 1) & 1)) bit++;
  return bit;
}

static int count_runs(uint64_t bits) {
  int n = 0;
  for (int bit = bit_after(bits, -1); bit < 64; bit = bit_after(bits, bit)) {
    int end = run_end(bits, bit);
    if (end - bit >= 2) bit = end;
    n++;
  }
  return n;
}

/* Set bits as numbers, runs of three and more as a range; add is what bit 0 stands for. */
static void add_numbers(struct buf *out, enum schedule_lang lang, uint64_t bits, int add) {
  struct list_writer w = {out, lang, count_runs(bits)};
  for (int bit = bit_after(bits, -1), first = bit; bit < 64; bit = bit_after(bits, bit)) {
    int end = run_end(bits, bit);
    begin_piece(&w, bit == first);
    buf_add_int(out, bit + add);
    if (end - bit < 2) continue;
    buf_add_text(out, "–");
    buf_add_int(out, end + add);
    bit = end;
  }
}

static void add_names(struct buf *out, enum schedule_lang lang, uint64_t bits,
                      const char *const names[][LANGS]) {
  struct list_writer w = {out, lang, __builtin_popcountll(bits)};
  for (int bit = bit_after(bits, -1), first = bit; bit < 64; bit = bit_after(bits, bit)) {
    begin_piece(&w, bit == first);
    buf_add_text(out, names[bit][lang]);
  }
}

/* ---- the parts of a sentence ---- */

#define PIECE(name) BUF_AUTO struct buf name = buf_new(PIECE_BYTES)

static const char *text_of(struct buf *b) {
  const char *text = buf_text(b);
  return text ? text : "";
}

int explain_step_of(uint64_t bits, int n) {
  if (__builtin_popcountll(bits) < 2) return 0;
  int first = bit_after(bits, -1), step = bit_after(bits, first) - first;
  uint64_t want = 0;
  for (int v = first; v < n; v += step) want |= UINT64_C(1) << v;
  return step > 1 && first < step && want == bits ? step : 0;
}

struct unit_texts {
  int n;
  enum explain_text all, step, one, many;
};

/* "every 5 minutes", "at the minutes 3 and 17" */
static void say_unit(struct buf *out, enum schedule_lang lang, uint64_t bits, const struct unit_texts *u) {
  int step = explain_step_of(bits, u->n), count = __builtin_popcountll(bits);
  PIECE(list);
  if (step && (bits & 1)) {
    buf_add_int(&list, step);
    SAY(out, lang, u->step, text_of(&list));
    return;
  }
  add_numbers(&list, lang, bits, 0);
  SAY(out, lang, count == u->n ? u->all : count == 1 ? u->one : u->many, text_of(&list));
}

static const struct unit_texts seconds_texts = {60, TEXT_EVERY_SECOND, TEXT_EVERY_N_SECONDS, TEXT_AT_SECOND,
                                                TEXT_AT_SECONDS};
static const struct unit_texts minutes_texts = {60, TEXT_EVERY_MINUTE, TEXT_EVERY_N_MINUTES, TEXT_AT_MINUTE,
                                                TEXT_AT_MINUTES};

static void say_times(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  PIECE(list);
  struct list_writer w = {&list, lang, __builtin_popcountll(c->minutes) * __builtin_popcount(c->hours)};
  bool is_first = true;
  int second = __builtin_ctzll(c->seconds);
  for (int hour = bit_after(c->hours, -1); hour < 64; hour = bit_after(c->hours, hour))
    for (int minute = bit_after(c->minutes, -1); minute < 64; minute = bit_after(c->minutes, minute)) {
      begin_piece(&w, is_first);
      is_first = false;
      buf_addf(&list, "%02d:%02d", hour, minute);
      if (second > 0) buf_addf(&list, ":%02d", second);
    }
  SAY(out, lang, TEXT_AT_TIME, text_of(&list));
}

static void say_clock(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  int minutes = __builtin_popcountll(c->minutes), hours = __builtin_popcount(c->hours);
  bool is_one_second = __builtin_popcountll(c->seconds) == 1;
  if (is_one_second && minutes * hours <= TIMES_LISTED_MAX) {
    say_times(out, c, lang);
    return;
  }
  if (c->seconds != 1) say_unit(out, lang, c->seconds, &seconds_texts);
  bool is_implied = c->seconds != 1 && minutes == 60; /* "every 10 seconds" says every minute */
  if (c->seconds != 1 && !is_implied) buf_add_text(out, ", ");
  if (!is_implied) say_unit(out, lang, c->minutes, &minutes_texts);
  if (hours == 24 && (minutes == 60 || explain_step_of(c->minutes, 60))) return;
  buf_add_text(out, hours == 24 ? " " : ", ");
  PIECE(list);
  add_numbers(&list, lang, c->hours, 0);
  SAY(out, lang, hours == 24 ? TEXT_EVERY_HOUR : hours == 1 ? TEXT_HOUR : TEXT_HOURS, text_of(&list));
}

/* Phrases joined by "or": the special days are alternatives of their field. */
struct alternatives {
  struct buf *out;
  enum schedule_lang lang;
  bool is_any;
};

static void alternative(struct alternatives *a, enum explain_text text, const char *x, const char *y) {
  if (a->is_any) buf_add_text(a->out, texts[TEXT_OR][a->lang]);
  a->is_any = true;
  SAY(a->out, a->lang, text, x, y);
}

static const char *number_text(char to[12], int value) {
  (void)snprintf(to, 12, "%d", value);
  return to;
}

static void say_month_days(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  struct alternatives a = {out, lang, false};
  PIECE(list);
  add_numbers(&list, lang, c->days, 0);
  char n[12];
  if (c->days) alternative(&a, __builtin_popcount(c->days) == 1 ? TEXT_DAY : TEXT_DAYS, text_of(&list), NULL);
  for (int d = 0; d < 32; d++) {
    if (c->last_days >> d & 1)
      alternative(&a, d ? TEXT_BEFORE_LAST_DAY : TEXT_LAST_DAY, number_text(n, d), NULL);
    if (c->near_days >> d & 1) alternative(&a, TEXT_NEAR_DAY, number_text(n, d), NULL);
    if (c->near_last_days >> d & 1)
      alternative(&a, d ? TEXT_NEAR_BEFORE_LAST_DAY : TEXT_NEAR_LAST_DAY, number_text(n, d), NULL);
  }
}

/* plain: TEXT_WEEKDAYS, or TEXT_WEEKDAYS_ALSO behind TEXT_ONLY_IF. */
static void say_weekdays(struct buf *out, const struct cron *c, enum schedule_lang lang,
                         enum explain_text plain) {
  struct alternatives a = {out, lang, false};
  /* Monday first, as people read a week. */
  uint64_t week = c->weekdays >> 1 | (c->weekdays & 1u) << 6;
  static const char *const *names[7] = {weekday_names[1], weekday_names[2], weekday_names[3],
                                        weekday_names[4], weekday_names[5], weekday_names[6],
                                        weekday_names[0]};
  const char *ordered[7][LANGS];
  for (int i = 0; i < 7; i++)
    for (int l = 0; l < LANGS; l++) ordered[i][l] = names[i][l];
  int first = bit_after(week, -1), end = first < 64 ? run_end(week, first) : 0;
  bool is_range = week && end - first >= 2 && bit_after(week, end) == 64;
  PIECE(list);
  add_names(&list, lang, week, (const char *const(*)[LANGS])ordered);
  if (is_range) alternative(&a, TEXT_WEEKDAY_RANGE, ordered[first][lang], ordered[end][lang]);
  else if (week) alternative(&a, plain, text_of(&list), NULL);
  for (int bit = bit_after(c->nth, -1); bit < 64; bit = bit_after(c->nth, bit))
    alternative(&a, TEXT_NTH_WEEKDAY, ordinals[bit / 7][lang], weekday_names[bit % 7][lang]);
}

static void say_days(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  bool has_all_days = c->days == 0xfffffffe, has_all_weekdays = c->weekdays == ALL_WEEKDAYS;
  if ((has_all_days && has_all_weekdays) || (!c->is_and && (has_all_days || has_all_weekdays))) {
    SAY(out, lang, TEXT_EVERY_DAY, NULL);
    return;
  }
  if (!has_all_days) say_month_days(out, c, lang);
  if (!has_all_days && !has_all_weekdays) buf_add_text(out, texts[c->is_and ? TEXT_ONLY_IF : TEXT_OR][lang]);
  bool is_condition = !has_all_days && c->is_and;
  if (!has_all_weekdays) say_weekdays(out, c, lang, is_condition ? TEXT_WEEKDAYS_ALSO : TEXT_WEEKDAYS);
}

static bool has_all_years(const struct cron *c) {
  int n = 0;
  for (int i = 0; i < CRON_YEAR_WORDS; i++) n += __builtin_popcountll(c->years[i]);
  return n == CRON_YEARS;
}

static void say_years(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  PIECE(list);
  for (int i = 0; i < CRON_YEAR_WORDS; i++) {
    if (!c->years[i]) continue;
    if (list.len > 0) buf_add_text(&list, ", ");
    add_numbers(&list, lang, c->years[i], SCHEDULE_FIRST_YEAR + 64 * i);
  }
  SAY(out, lang, TEXT_YEARS, text_of(&list));
}

static void say_cron(struct buf *out, const struct cron *c, enum schedule_lang lang) {
  say_clock(out, c, lang);
  bool is_every_day = c->days == 0xfffffffe && c->weekdays == ALL_WEEKDAYS;
  bool is_often = __builtin_popcountll(c->minutes) * __builtin_popcount(c->hours) > TIMES_LISTED_MAX;
  if (!is_every_day || !is_often) {
    buf_add_text(out, ", ");
    say_days(out, c, lang);
  }
  if (c->months != 0x1ffe) {
    PIECE(list);
    add_names(&list, lang, c->months >> 1, month_names);
    buf_add_text(out, ", ");
    SAY(out, lang, TEXT_MONTHS, text_of(&list));
  }
  if (has_all_years(c)) return;
  buf_add_text(out, ", ");
  say_years(out, c, lang);
}

/* "1 d 12 h", "90 s" */
static void add_period(struct buf *out, int64_t ms) {
  static const struct {
    int64_t ms;
    const char *name;
  } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
  size_t start = out->len;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (ms < units[i].ms) continue;
    buf_addf(out, "%s%lld %s", out->len > start ? " " : "", (long long)(ms / units[i].ms), units[i].name);
    ms %= units[i].ms;
  }
}

static void say_at(struct buf *out, const struct schedule *s, int64_t at_ms, enum schedule_lang lang) {
  char abbreviation[TZ_ABBREVIATION_MAX];
  int offset_s = tz_offset_s(s->tz, at_ms / 1000, NULL, abbreviation);
  struct instant_text text = instant_to_text_seconds(at_ms + 1000 * (int64_t)offset_s);
  PIECE(when);
  buf_addf(&when, "%.10s %.8s %s", text.text, text.text + 11, abbreviation);
  SAY(out, lang, TEXT_AT, text_of(&when));
}

static void say_member(struct buf *out, const struct schedule *s, const struct member *m,
                       enum schedule_lang lang) {
  PIECE(period);
  switch (m->kind) {
    case MEMBER_CRON: say_cron(out, &m->cron, lang); break;
    case MEMBER_EVERY:
      add_period(&period, m->every.period_ms);
      SAY(out, lang, TEXT_EVERY_PERIOD, text_of(&period));
      break;
    case MEMBER_AT: say_at(out, s, m->at_ms, lang); break;
    case MEMBER_REBOOT: SAY(out, lang, TEXT_REBOOT, NULL); break;
  }
}

void explain_sentence(struct buf *out, const struct schedule *s, const struct schedule_explain_options *how) {
  enum schedule_lang lang = how->lang;
  size_t start = out->len;
  for (int i = 0; i < s->count; i++) {
    if (i > 0) buf_add_text(out, texts[TEXT_ALSO][lang]);
    say_member(out, s, &s->members[i], lang);
  }
  char name[TZ_NAME_MAX + 1];
  bool has_clock = schedule_kind(s) == SCHEDULE_CRON && !how->leaves_zone_out;
  if (has_clock && str_copy(name, sizeof name, tz_name(s->tz))) SAY(out, lang, TEXT_ZONE, name);
  if (out->len > start && out->ptr[start] >= 'a' && out->ptr[start] <= 'z')
    out->ptr[start] = (char)(out->ptr[start] - 'a' + 'A');
}
