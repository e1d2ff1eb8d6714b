/* Schedule texts: what compiles answers within bounds, in both directions, and its canonical text compiles to the
 * same instants. The first byte chooses dialect, policy and zone. */
#include "fuzz/fuzz.h"
#include "time/schedule.h"

#define STEPS 20

static int64_t check_forward(struct schedule *s, int64_t from_ms) {
  int64_t t = from_ms;
  for (int i = 0; i < STEPS; i++) {
    int64_t next = schedule_next(s, t);
    if (next == INSTANT_NEVER) break;
    ASSERT(next > t);
    int64_t back = schedule_prev(s, next + 1);
    ASSERT(back == next);
    if (i > 0) {
      int64_t before = schedule_prev(s, next);
      ASSERT(before == t);
      ASSERT(next - t >= schedule_min_interval_ms(s));
    }
    t = next;
  }
  return t;
}

static void check_round_trip(struct tzdb *db, struct schedule *s, const struct schedule_options *o,
                             int64_t from_ms) {
  BUF_AUTO struct buf first = buf_new(LIMIT_SCHEDULE_BYTES), second = buf_new(LIMIT_SCHEDULE_BYTES);
  enum err e = schedule_format(s, &first);
  ASSERT(e == ERR_OK);
  struct schedule *again;
  e = schedule_compile(db, buf_str(&first), o, &again, NULL);
  ASSERT(e == ERR_OK);
  e = schedule_format(again, &second);
  ASSERT(e == ERR_OK && str_eq(buf_str(&first), buf_str(&second)));
  for (int64_t t = from_ms, i = 0; i < STEPS && t != INSTANT_NEVER; i++) {
    int64_t next = schedule_next(s, t);
    ASSERT(schedule_next(again, t) == next);
    t = next;
  }
  schedule_free(again);
}

static void check_error(const struct err_detail *d, size_t size) {
  ASSERT(d->message[0] && d->field[0]);
  ASSERT(d->column >= 0 &&
         (size_t)d->column <= (size > LIMIT_SCHEDULE_BYTES ? LIMIT_SCHEDULE_BYTES : size) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const zones[] = {"UTC", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia"};
  static struct tzdb *db; /* a cache of files that do not change */
  if (!db && tzdb_new(NULL, &db) != ERR_OK) return 0;
  uint8_t choice = size > 0 ? data[0] : 0;
  struct str text = size > 0 ? (struct str){(const char *)data + 1, size - 1} : STR("");
  struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
  o.dialect = (enum schedule_dialect)(choice % 3);
  o.dst = (enum schedule_dst)(choice / 3 % 3);
  o.timezone = str_of(zones[choice / 9 % 4]);
  o.days_and = choice >= 128;
  o.seed = choice;
  struct schedule *s;
  struct err_detail detail = {};
  if (schedule_compile(db, text, &o, &s, &detail) != ERR_OK) {
    check_error(&detail, text.len);
    return 0;
  }
  static const int64_t starts[] = {INSTANT_NONE, 0, 1325200000000, 1790000000123, 7258118300000,
                                   INSTANT_NEVER};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) (void)check_forward(s, starts[i]);
  check_round_trip(db, s, &o, starts[3]);
  struct schedule_explanation x;
  struct schedule_explain_options xo = {
      .lang = (enum schedule_lang)(choice % 2), .from_ms = starts[3], .count = 2, .usual_duration_ms = 60000};
  enum err e = schedule_explain(s, &xo, &x);
  ASSERT(e == ERR_OK && x.sentence[0]);
  schedule_free(s);
  return 0;
}
