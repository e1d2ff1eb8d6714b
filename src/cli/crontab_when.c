#include "cli/crontab_when.h"

#include "base/instant.h"

#define DAY_S 86400
#define LAST_YEAR 2199

/* ---- reading ------------------------------------------------------------------------------------------- */

struct field_rule {
  const char *name;
  int low, high;
  const char *const *names; /* the first stands for `low`; NULL: none */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field_rule rules[FIELDS] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"dayOfMonth", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"dayOfWeek", 0, 7, weekday_names},
};

static const struct {
  const char *name, *fields; /* NULL: @reboot */
} nicknames[] = {
    {"@reboot", NULL},        {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* Where the reading stands, for the column of an error. */
struct reader {
  struct str text;
  size_t at;
  const struct field_rule *rule;
  struct err_detail *detail;
  bool has_random;
};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static char peek(const struct reader *r) { return r->at < r->text.len ? r->text.ptr[r->at] : '\0'; }
static bool take(struct reader *r, char c) {
  if (peek(r) != c || r->at >= r->text.len) return false;
  r->at++;
  return true;
}

static enum err refuse(struct reader *r, size_t at, const char *message, const char *hint) {
  enum err e =
      err_set(r->detail, ERR_INVALID, r->rule ? r->rule->name : "schedule", (int)at + 1, "%s", message);
  err_hint(r->detail, "%s", hint);
  return e;
}

static size_t word_at(const struct reader *r, size_t from) {
  size_t n = 0;
  while (from + n < r->text.len &&
         ((r->text.ptr[from + n] | 32) >= 'a' && (r->text.ptr[from + n] | 32) <= 'z'))
    n++;
  return n;
}

static enum err read_value(struct reader *r, int *ret) {
  size_t begin = r->at, letters = word_at(r, begin);
  if (letters > 0) {
    struct str word = {r->text.ptr + begin, letters};
    for (int i = 0; r->rule->names && r->rule->names[i]; i++) {
      if (!str_eq_nocase(word, str_of(r->rule->names[i]))) continue;
      r->at += letters;
      *ret = r->rule->low + i;
      return ERR_OK;
    }
    return refuse(r, begin, "a crontab knows no such name here",
                  "months are jan to dec, weekdays sun to sat, in three letters; L, W, H are of other crons");
  }
  int value = 0, digits = 0;
  for (; peek(r) >= '0' && peek(r) <= '9'; r->at++, digits++) {
    value = value * 10 + (peek(r) - '0');
    if (digits > 3) return refuse(r, begin, "the number is too large", "");
  }
  if (digits == 0) return refuse(r, begin, "a number, a name or * is needed here", "");
  if (value < r->rule->low || value > r->rule->high)
    return refuse(r, begin, "the number is outside the field's range", "");
  *ret = value;
  return ERR_OK;
}

static bool at_item_end(const struct reader *r) {
  return r->at >= r->text.len || peek(r) == ',' || is_blank(peek(r));
}

static enum err read_step(struct reader *r, int *ret) {
  size_t begin = r->at;
  int64_t value = 0;
  while (peek(r) >= '0' && peek(r) <= '9' && value < 1000) value = value * 10 + (r->text.ptr[r->at++] - '0');
  if (r->at == begin || value == 0) return refuse(r, begin, "a step is a number of at least 1", "");
  *ret = (int)value;
  return ERR_OK;
}

/* low~high, each optional: cronie picks one minute when it loads the file. */
static enum err read_random(struct reader *r, int low, uint64_t *bits) {
  size_t begin = r->at;
  int high = r->rule->high;
  if (!at_item_end(r) && peek(r) != '/') TRY(read_value(r, &high));
  if (high < low) return refuse(r, begin, "the range runs backwards", "");
  if (!at_item_end(r)) return refuse(r, r->at, "nothing can follow a random range", "");
  r->has_random = true;
  for (int v = low; v <= high; v++) *bits |= 1ULL << v;
  return ERR_OK;
}

/* One item of a list: *, n, a-b, a~b, each but the last with an optional /step; n/step runs to the end. */
static enum err read_item(struct reader *r, uint64_t *bits) {
  int low = r->rule->low, high = r->rule->high, step = 1;
  if (take(r, '~')) return read_random(r, low, bits);
  bool is_range = take(r, '*');
  if (!is_range) {
    size_t begin = r->at;
    TRY(read_value(r, &low));
    if (take(r, '~')) return read_random(r, low, bits);
    if (take(r, '-')) {
      is_range = true;
      TRY(read_value(r, &high));
      if (high < low)
        return refuse(r, begin, "the range runs backwards",
                      "cron knows no wrapped range: write it as two, joined by a comma");
    }
  }
  if (take(r, '/')) {
    TRY(read_step(r, &step));
    is_range = true;
  }
  if (!at_item_end(r)) return refuse(r, r->at, "this character has no meaning in a crontab", "");
  if (!is_range) high = low;
  for (int v = low; v <= high; v += step) *bits |= 1ULL << v;
  return ERR_OK;
}

static enum err read_field(struct reader *r, int field, uint64_t *ret_bits, bool *ret_star, bool *ret_open) {
  r->rule = &rules[field];
  while (is_blank(peek(r))) r->at++;
  if (r->at >= r->text.len)
    return refuse(r, r->at, "a time has five fields", "minute hour day month weekday");
  size_t begin = r->at;
  *ret_star = peek(r) == '*';
  *ret_bits = 0;
  do TRY(read_item(r, ret_bits));
  while (take(r, ','));
  struct str written = {r->text.ptr + begin, r->at - begin};
  *ret_open = str_find_char(written, '*') != SIZE_MAX || str_find_char(written, '/') != SIZE_MAX;
  return ERR_OK;
}

static enum err read_fields(struct str text, struct crontab_when *ret, struct err_detail *detail) {
  struct reader r = {.text = text, .detail = detail};
  uint64_t bits[FIELDS];
  bool star[FIELDS], open[FIELDS];
  for (int i = 0; i < FIELDS; i++) TRY(read_field(&r, i, &bits[i], &star[i], &open[i]));
  while (is_blank(peek(&r))) r.at++;
  r.rule = NULL;
  if (r.at < text.len) return refuse(&r, r.at, "a crontab has no sixth time field", "");
  if (bits[WEEKDAY] & 1U << 7) bits[WEEKDAY] |= 1; /* 7 is Sunday, too */
  *ret = (struct crontab_when){
      .minutes = bits[MINUTE],
      .hours = (uint32_t)bits[HOUR],
      .days = (uint32_t)bits[DAY],
      .months = (uint32_t)bits[MONTH],
      .weekdays = (uint32_t)bits[WEEKDAY] & 0x7f,
      .days_star = star[DAY],
      .weekdays_star = star[WEEKDAY],
      .is_fixed = !open[MINUTE] && !open[HOUR],
      .is_random = r.has_random,
  };
  return ERR_OK;
}

enum err crontab_when_read(struct str text, struct crontab_when *ret, struct err_detail *detail) {
  if (text.len == 0 || text.ptr[0] != '@') return read_fields(text, ret, detail);
  for (size_t i = 0; i < sizeof nicknames / sizeof nicknames[0]; i++) {
    if (!str_eq(str_trim(text), str_of(nicknames[i].name))) continue;
    if (nicknames[i].fields) return read_fields(str_of(nicknames[i].fields), ret, detail);
    *ret = (struct crontab_when){.is_reboot = true};
    return ERR_OK;
  }
  struct reader r = {.text = text, .detail = detail};
  return refuse(&r, 0, "cron knows no such nickname",
                "@reboot @yearly @annually @monthly @weekly @daily @midnight @hourly, in lower case");
}

/* ---- walking ------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* crontab(5): when both day fields are restricted, either may match; else both must. */
static bool day_matches(const struct crontab_when *w, int64_t day) {
  int64_t year;
  int month, day_of_month;
  civil_from_days(day, &year, &month, &day_of_month);
  int64_t weekday = (day + 4) - floor_div(day + 4, 7) * 7; /* 1970-01-01 was a Thursday */
  if (!(w->months >> month & 1)) return false;
  bool by_day = w->days >> day_of_month & 1, by_weekday = w->weekdays >> weekday & 1;
  return w->days_star || w->weekdays_star ? by_day && by_weekday : by_day || by_weekday;
}

static int64_t local_of(const struct tz *zone, int64_t t) { return t + tz_offset_s(zone, t, NULL, NULL); }

/* The first instant of (low, high] at which the offset is no longer that of low: there is one. */
static int64_t change_between(const struct tz *zone, int64_t low, int64_t high) {
  int before = tz_offset_s(zone, low, NULL, NULL);
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (tz_offset_s(zone, middle, NULL, NULL) == before) low = middle;
    else high = middle;
  }
  return high;
}

/* A fixed local time on one day: its instant, the first of two, or the end of the gap it falls into. False when the
 * whole local day is missing (Apia, 2011-12-30). */
static bool instant_of_local(const struct tz *zone, int64_t local, int64_t *ret) {
  int64_t early = local - tz_offset_s(zone, local - 2 * DAY_S, NULL, NULL);
  int64_t late = local - tz_offset_s(zone, local + 2 * DAY_S, NULL, NULL);
  int64_t first = early < late ? early : late, second = early < late ? late : early;
  if (local_of(zone, first) == local) return *ret = first, true;
  if (local_of(zone, second) == local) return *ret = second, true;
  int64_t change = change_between(zone, first - DAY_S, second + DAY_S);
  int64_t day = floor_div(local, DAY_S);
  *ret = change;
  return floor_div(local_of(zone, change), DAY_S) == day ||
         floor_div(local_of(zone, change - 1), DAY_S) == day;
}

static int64_t fixed_on_day(const struct crontab_when *w, const struct tz *zone, int64_t day, int64_t after) {
  for (int hour = 0; hour < 24; hour++)
    for (int minute = 0; minute < 60; minute++) {
      if (!(w->hours >> hour & 1) || !(w->minutes >> minute & 1)) continue;
      int64_t t;
      if (instant_of_local(zone, day * DAY_S + hour * 3600 + minute * 60, &t) && t > after) return t;
    }
  return INT64_MAX;
}

static int64_t next_fixed(const struct crontab_when *w, const struct tz *zone, int64_t after,
                          int64_t last_day) {
  for (int64_t day = floor_div(local_of(zone, after), DAY_S) - 2; day <= last_day; day++) {
    int64_t t = day_matches(w, day) ? fixed_on_day(w, zone, day, after) : INT64_MAX;
    if (t != INT64_MAX) return t;
  }
  return INT64_MAX;
}

/* From a day that does not match: a whole day ahead when the next two do not match either (a zone may skip
 * one), else to 20:00, from where minutes are walked. */
static int64_t skip_from(const struct crontab_when *w, int64_t day, int64_t second) {
  if (!day_matches(w, day + 1) && !day_matches(w, day + 2)) return DAY_S;
  return second < 19 * 3600 ? 20 * 3600 - second / 60 * 60 : 60;
}

/* Every minute of real time whose local reading matches. */
static int64_t next_open(const struct crontab_when *w, const struct tz *zone, int64_t after,
                         int64_t last_day) {
  int64_t t = (floor_div(after, 60) + 1) * 60;
  while (true) {
    int64_t local = local_of(zone, t), day = floor_div(local, DAY_S), second = local - day * DAY_S;
    if (day > last_day) return INT64_MAX;
    if (!day_matches(w, day)) {
      t += skip_from(w, day, second);
      continue;
    }
    if (second % 60 == 0 && w->hours >> (second / 3600) & 1 && w->minutes >> (second / 60 % 60) & 1) return t;
    t += 60;
  }
}

int64_t crontab_when_next(const struct crontab_when *w, const struct tz *zone, int64_t after_ms) {
  if (w->is_reboot || w->is_random || after_ms == INSTANT_NEVER) return INSTANT_NEVER;
  int64_t after = floor_div(after_ms, 1000), last_day = civil_to_days(LAST_YEAR, 12, 31);
  int64_t t = w->is_fixed ? next_fixed(w, zone, after, last_day) : next_open(w, zone, after, last_day);
  return t == INT64_MAX ? INSTANT_NEVER : t * 1000;
}
