/* The text of one cron expression → masks. The dialect is OCPS 1.4 with the extensions of DESIGN 5; what an
 * item may be is decided by its first characters, so there is no backtracking and each error has its column. */
#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "time/cron.h"

#define FIELDS_MAX 7
#define NUMBER_DIGITS_MAX 4
#define NTH_LAST 6       /* the group of struct cron.nth for the last weekday */
#define HASH_DAYS_MAX 28 /* H in the day-of-month field avoids days that months may lack */

enum field_id { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR };

struct field {
  const char *name;  /* in err_detail.field */
  const char *text;  /* in messages */
  int min, max;      /* as written */
  int cycle;         /* wrapped ranges and open steps run to min + cycle - 1 */
  const char *names; /* three letters each, from min on */
};

static const struct field fields[] = {
    [SECOND] = {"second", "second", 0, 59, 60, NULL},
    [MINUTE] = {"minute", "minute", 0, 59, 60, NULL},
    [HOUR] = {"hour", "hour", 0, 23, 24, NULL},
    [DAY] = {"dayOfMonth", "day of month", 1, 31, 31, NULL},
    [MONTH] = {"month", "month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    [WEEKDAY] = {"dayOfWeek", "day of week", 0, 7, 7, "SUNMONTUEWEDTHUFRISAT"},
    [YEAR] = {"year", "year", SCHEDULE_FIRST_YEAR, SCHEDULE_LAST_YEAR, CRON_YEARS, NULL},
};
/* Quartz counts weekdays from 1 = Sunday. */
static const struct field quartz_weekday = {"dayOfWeek", "day of week", 1, 7, 7, "SUNMONTUEWEDTHUFRISAT"};

struct parser {
  const struct cron_options *options;
  struct err_detail *detail;
  struct cron *cron;
  const struct field *field;
  enum field_id id;
  struct str text; /* of the field, in upper case */
  size_t at;       /* in text */
  size_t column;   /* of the field's first byte in the whole text, 0-based */
  bool is_list;    /* the field has a comma */
};

static struct str rest(const struct parser *p) { return str_from(p->text, p->at); }
static bool is_end(const struct parser *p) { return p->at >= p->text.len || p->text.ptr[p->at] == ','; }
static char peek(const struct parser *p) { return p->at < p->text.len ? p->text.ptr[p->at] : '\0'; }

static bool take(struct parser *p, char c) {
  if (peek(p) != c) return false;
  p->at++;
  return true;
}

[[gnu::format(printf, 4, 5)]] static enum err fail(struct parser *p, size_t at, const char *hint,
                                                   const char *format, ...) {
  char text[ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  (void)err_set(p->detail, ERR_INVALID, p->field->name, (int)(p->column + at) + 1, "%s", text);
  err_hint(p->detail, "%s", hint);
  return ERR_INVALID;
}

static bool is_ocps(const struct parser *p) { return p->options->dialect == SCHEDULE_DIALECT_OCPS; }

/* Extensions are refused by the dialect that does not have them. */
static enum err need(struct parser *p, bool is_allowed, size_t at, const char *what) {
  if (is_allowed) return ERR_OK;
  return fail(p, at, "choose the dialect \"sereno\" to use it", "%s is not part of the dialect \"%s\"", what,
              schedule_dialect_name(p->options->dialect));
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }

static enum err out_of_range(struct parser *p, size_t at, int64_t value) {
  const struct field *f = p->field;
  char hint[ERR_TEXT_MAX];
  (void)snprintf(hint, sizeof hint, "use a number from %d to %d", f->min, f->max);
  return fail(p, at, hint, "%s %lld is not within %d-%d", f->text, (long long)value, f->min, f->max);
}

static enum err take_digits(struct parser *p, int *ret) {
  size_t start = p->at, n = 0;
  while (is_digit(peek(p))) p->at++, n++;
  int64_t value = 0;
  if (n > 0 && !str_to_int((struct str){p->text.ptr + start, n}, 0, 999999, &value))
    return fail(p, start, "write a smaller number", "the number in the %s field is too large",
                p->field->text);
  if (n == 0) return fail(p, start, "write a number", "a number is missing in the %s field", p->field->text);
  *ret = (int)value;
  return ERR_OK;
}

static enum err take_name(struct parser *p, int *ret) {
  const struct field *f = p->field;
  size_t letters = 0;
  while (p->at + letters < p->text.len && is_letter(p->text.ptr[p->at + letters])) letters++;
  for (int i = 0; f->names && f->names[3 * i]; i++) {
    if (letters < 3 || memcmp(p->text.ptr + p->at, f->names + 3 * i, 3) != 0) continue;
    p->at += 3;
    *ret = f->min + i;
    return ERR_OK;
  }
  char hint[ERR_TEXT_MAX];
  if (f->names) (void)snprintf(hint, sizeof hint, "names have three letters, such as %.3s", f->names + 3);
  else (void)snprintf(hint, sizeof hint, "use a number from %d to %d", f->min, f->max);
  return fail(p, p->at, hint, "\"%.*s\" means nothing in the %s field", (int)(letters > 20 ? 20 : letters),
              p->text.ptr + p->at, f->text);
}

static enum err missing(struct parser *p, size_t at) {
  return fail(p, at, "remove the comma or write a value", "a value is missing in the %s field",
              p->field->text);
}

static enum err unexpected(struct parser *p, size_t at) {
  const char *hint = "use numbers, names and , - * /";
  unsigned char c = (unsigned char)peek(p);
  if (c > ' ' && c < 0x7f) return fail(p, at, hint, "'%c' means nothing in the %s field", c, p->field->text);
  return fail(p, at, hint, "the byte 0x%02x means nothing in the %s field", c, p->field->text);
}

static enum err take_value(struct parser *p, int *ret) {
  size_t start = p->at;
  int value = 0;
  if (is_letter(peek(p))) TRY(take_name(p, &value));
  else if (is_digit(peek(p))) TRY(take_digits(p, &value));
  else if (is_end(p)) return missing(p, start);
  else return unexpected(p, start);
  if (value < p->field->min || value > p->field->max) return out_of_range(p, start, value);
  *ret = value;
  return ERR_OK;
}

/* "/n" when it is there; *ret_step is 1 otherwise. */
static enum err take_step(struct parser *p, int *ret_step, bool *ret_is_given) {
  *ret_step = 1;
  if ((*ret_is_given = take(p, '/'))) {
    size_t start = p->at;
    TRY(take_digits(p, ret_step));
    if (*ret_step == 0) return fail(p, start, "use a step of 1 or more", "a step of 0 has no meaning");
    if (*ret_step > 9999) return fail(p, start, "use a smaller step", "the step %d is too large", *ret_step);
  }
  return ERR_OK;
}

/* ---- setting bits ---- */

static void set_value(struct parser *p, int value) {
  struct cron *c = p->cron;
  switch (p->id) {
    case SECOND: c->seconds |= UINT64_C(1) << value; break;
    case MINUTE: c->minutes |= UINT64_C(1) << value; break;
    case HOUR: c->hours |= UINT32_C(1) << value; break;
    case DAY: c->days |= UINT32_C(1) << value; break;
    case MONTH: c->months = (uint16_t)(c->months | 1 << value); break;
    case WEEKDAY: c->weekdays = (uint8_t)(c->weekdays | 1 << (value - p->field->min) % 7); break;
    case YEAR:
      c->years[(value - SCHEDULE_FIRST_YEAR) / 64] |= UINT64_C(1) << (value - SCHEDULE_FIRST_YEAR) % 64;
      break;
  }
}

/* first … last in steps; last < first runs through the end of the cycle. Sunday written as 7 begins a
 * range as 0 and ends it as 7. */
static void set_range(struct parser *p, int first, int last, int step) {
  int cycle = p->field->cycle, min = p->field->min;
  if (p->id == WEEKDAY && min == 0 && first == 7) first = 0, last %= 7;
  if (last < first) last += cycle;
  for (int v = first; v <= last; v += step) set_value(p, min + (v - min) % cycle);
}

static int last_of_cycle(const struct parser *p) { return p->field->min + p->field->cycle - 1; }

static uint64_t field_hash(const struct parser *p, uint64_t salt) {
  return hash_int(p->options->seed ^ hash_int((uint64_t)p->id + salt));
}

/* ---- items ---- */

static enum err read_all_values(struct parser *p) {
  int step;
  bool has_step;
  p->at++;
  TRY(take_step(p, &step, &has_step));
  set_range(p, p->field->min, last_of_cycle(p), step);
  return ERR_OK;
}

static enum err read_question_mark(struct parser *p) {
  if (p->id != DAY && p->id != WEEKDAY)
    return fail(p, p->at, "write *", "'?' is only for the two day fields, not for the %s field",
                p->field->text);
  if (p->text.len > 1) return fail(p, p->at, "write ? alone", "'?' does not go with anything else");
  p->at++;
  set_range(p, p->field->min, last_of_cycle(p), 1);
  return ERR_OK;
}

/* H, H(a-b), each with an optional step: one value, or a start within the first step. */
static enum err read_hash(struct parser *p) {
  size_t start = p->at++;
  TRY(need(p, p->options->dialect == SCHEDULE_DIALECT_SERENO, start, "H"));
  if (p->id == YEAR) return fail(p, start, "write a year or *", "H is not for the year field");
  int first = p->field->min, last = p->id == DAY ? HASH_DAYS_MAX : last_of_cycle(p), step;
  if (take(p, '(')) {
    TRY(take_value(p, &first));
    if (!take(p, '-')) return fail(p, p->at, "write H(0-29)", "H needs a range in its parentheses");
    size_t at = p->at;
    TRY(take_value(p, &last));
    if (last < first) return fail(p, at, "write the smaller number first", "the range of H runs backwards");
    if (!take(p, ')')) return fail(p, p->at, "write H(0-29)", "a closing parenthesis is missing");
  }
  bool has_step;
  TRY(take_step(p, &step, &has_step));
  uint64_t width = (uint64_t)(last - first) + 1;
  if (has_step && (uint64_t)step < width) width = (uint64_t)step;
  first += (int)(field_hash(p, 0) % width);
  set_range(p, first, has_step ? last : first, step);
  return ERR_OK;
}

/* a~b, a~, ~b and ~: one value, drawn once for the job. */
static enum err read_random(struct parser *p, int first, size_t start) {
  int last = last_of_cycle(p);
  p->at++;
  TRY(need(p, p->options->dialect == SCHEDULE_DIALECT_SERENO, start, "~"));
  if (p->id == YEAR) return fail(p, start, "write a year or *", "~ is not for the year field");
  size_t at = p->at;
  if (!is_end(p)) TRY(take_value(p, &last));
  if (last < first)
    return fail(p, at, "write the smaller number first", "the range %d~%d runs backwards", first, last);
  int value = first + (int)(field_hash(p, 0x100) % (uint64_t)(last - first + 1));
  set_range(p, value, value, 1);
  return ERR_OK;
}

/* L, L-n, LW, L-nW */
static enum err read_last_day(struct parser *p) {
  size_t start = p->at++;
  int before = 0;
  if (take(p, '-')) {
    size_t at = p->at;
    TRY(take_digits(p, &before));
    if (before > 30) return fail(p, at, "use L-1 to L-30", "no month has a day L-%d", before);
  }
  bool is_near = take(p, 'W');
  if (is_near && p->is_list)
    return fail(p, start, "join two expressions with | instead", "W does not go into a list");
  if (is_near) p->cron->near_last_days |= UINT32_C(1) << before;
  else p->cron->last_days |= UINT32_C(1) << before;
  return ERR_OK;
}

static enum err read_near_day(struct parser *p, int day, size_t start) {
  p->at++;
  if (p->is_list) return fail(p, start, "join two expressions with | instead", "W does not go into a list");
  p->cron->near_days |= UINT32_C(1) << day;
  return ERR_OK;
}

/* The part of "5L", "5#2", "5#L" behind the weekday. */
static enum err read_nth(struct parser *p, int weekday) {
  int n = NTH_LAST, bit = (weekday - p->field->min) % 7;
  (void)take(p, '#');
  size_t at = p->at;
  if (!take(p, 'L')) {
    TRY(take_digits(p, &n));
    if (n < 1 || n > 5) return fail(p, at, "use #1 to #5 or #L", "a month has no weekday number %d", n);
  }
  p->cron->nth |= UINT64_C(1) << (7 * (n - 1) + bit);
  return ERR_OK;
}

static enum err read_range(struct parser *p, int first, size_t start) {
  int last = first, step;
  bool has_step, is_range = take(p, '-');
  if (is_range) TRY(take_value(p, &last));
  if (p->id == DAY && peek(p) == 'W')
    return fail(p, p->at, "write one day, such as 15W", "W goes with a single day, not with a range");
  size_t slash = p->at;
  TRY(take_step(p, &step, &has_step));
  if (is_range && last < first) {
    bool is_wrappable = p->id != YEAR && !is_ocps(p);
    if (!is_wrappable)
      return fail(p, start, "write the smaller value first, or two ranges with a comma",
                  "the range %d-%d runs backwards", first, last);
  }
  if (has_step && !is_range) {
    TRY(need(p, !is_ocps(p), slash, "a step after a single value"));
    last = last_of_cycle(p);
    if (first > last) first = p->field->min; /* 7/2 in the weekday field begins on Sunday */
  }
  set_range(p, first, last, step);
  return ERR_OK;
}

static enum err read_item(struct parser *p) {
  size_t start = p->at;
  char c = peek(p);
  if (c == '*') return read_all_values(p);
  if (c == '?') return read_question_mark(p);
  if (c == 'H') return read_hash(p);
  if (c == '~') return read_random(p, p->field->min, start);
  if (c == 'L' && p->id == DAY) return read_last_day(p);
  if (c == 'L' && p->id == WEEKDAY && p->options->dialect != SCHEDULE_DIALECT_QUARTZ)
    return fail(p, start, "write the weekday before it, such as 5L for the last Friday",
                "L alone says no weekday");
  if (c == 'L' && p->id == WEEKDAY) { /* Quartz: the last day of the week */
    p->at++;
    set_value(p, p->field->max);
    return ERR_OK;
  }
  int value;
  TRY(take_value(p, &value));
  c = peek(p);
  if (c == '~') return read_random(p, value, start);
  if (c == 'W' && p->id == DAY) return read_near_day(p, value, start);
  if ((c == 'L' || c == '#') && p->id == WEEKDAY) return read_nth(p, value);
  return read_range(p, value, start);
}

static enum err read_plus(struct parser *p) {
  if (p->id != WEEKDAY || peek(p) != '+') return ERR_OK;
  TRY(need(p, p->options->dialect != SCHEDULE_DIALECT_QUARTZ, 0, "+"));
  p->at++;
  p->cron->is_and = true;
  return ERR_OK;
}

static enum err read_field(struct parser *p) {
  p->is_list = str_find_char(p->text, ',') != SIZE_MAX;
  TRY(read_plus(p));
  bool is_free = peek(p) == '*' || peek(p) == '?';
  if (p->id == DAY) p->cron->has_free_days = is_free;
  if (p->id == WEEKDAY) p->cron->has_free_weekdays = is_free;
  do {
    TRY(read_item(p));
    if (!is_end(p)) {
      struct str behind = rest(p);
      return fail(p, p->at, "separate values with commas", "\"%.*s\" is not expected here in the %s field",
                  (int)(behind.len > 20 ? 20 : behind.len), behind.ptr, p->field->text);
    }
  } while (take(p, ','));
  return ERR_OK;
}

/* ---- the expression ---- */

struct words {
  struct str word[FIELDS_MAX + 1];
  size_t column[FIELDS_MAX + 1];
  int count; /* FIELDS_MAX + 1 when there are more */
};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static struct words split_words(struct str text) {
  struct words w = {};
  size_t at = 0;
  while (w.count <= FIELDS_MAX) {
    while (at < text.len && is_blank(text.ptr[at])) at++;
    size_t start = at;
    while (at < text.len && !is_blank(text.ptr[at])) at++;
    if (at == start) break;
    w.word[w.count] = (struct str){text.ptr + start, at - start};
    w.column[w.count++] = start;
  }
  return w;
}

static enum err check_count(const struct words *w, const struct cron_options *o, struct err_detail *detail) {
  bool is_quartz = o->dialect == SCHEDULE_DIALECT_QUARTZ;
  if (w->count >= (is_quartz ? 6 : 5) && w->count <= FIELDS_MAX) return ERR_OK;
  if (w->count > FIELDS_MAX)
    (void)err_set(detail, ERR_INVALID, "schedule", (int)(o->column + w->column[FIELDS_MAX]) + 1,
                  "the expression has more than %d fields", FIELDS_MAX);
  else
    (void)err_set(detail, ERR_INVALID, "schedule", (int)o->column + 1,
                  "the expression has too few fields: %d", w->count);
  err_hint(detail, is_quartz ? "Quartz has 6 fields, seconds first, and an optional year"
                             : "write minute, hour, day of month, month, day of week; "
                               "seconds go first with 6 fields, a year last with 7");
  return ERR_INVALID;
}

static struct str upper(struct str s, char *to) {
  for (size_t i = 0; i < s.len; i++)
    to[i] = s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? (char)(s.ptr[i] - 32) : s.ptr[i];
  return (struct str){to, s.len};
}

/* Upper case, numbers without leading zeros. */
static void add_canonical(struct buf *out, struct str field) {
  for (size_t i = 0; i < field.len; i++) {
    bool begins = i == 0 || !is_digit(field.ptr[i - 1]);
    if (begins)
      while (field.ptr[i] == '0' && i + 1 < field.len && is_digit(field.ptr[i + 1])) i++;
    buf_add_char(out, field.ptr[i]);
  }
}

/* A field that is not written: second 0, every year. */
static void set_absent(struct cron *c, bool has_seconds, bool has_year) {
  if (!has_seconds) c->seconds = 1;
  for (size_t i = 0; !has_year && i < CRON_YEAR_WORDS; i++) c->years[i] = UINT64_MAX;
  if (!has_year) c->years[CRON_YEAR_WORDS - 1] >>= (64 - CRON_YEARS % 64) % 64;
}

static bool is_open(struct str field) {
  return str_find_char(field, '*') != SIZE_MAX || str_find_char(field, '/') != SIZE_MAX;
}

static enum err finish(struct cron *c, const struct cron_options *o, size_t weekday_column,
                       struct err_detail *detail) {
  if (o->dialect == SCHEDULE_DIALECT_QUARTZ && c->has_free_days == c->has_free_weekdays) {
    (void)err_set(detail, ERR_INVALID, "dayOfWeek", (int)(o->column + weekday_column) + 1,
                  "Quartz wants '?' in exactly one of the two day fields");
    err_hint(detail, "write ? for the day field that does not matter");
    return ERR_INVALID;
  }
  c->is_and |= o->days_and || c->has_free_days || c->has_free_weekdays;
  c->has_special_days = c->nth || c->last_days || c->near_days || c->near_last_days;
  ASSERT(c->seconds && c->minutes && c->hours && c->months);
  return ERR_OK;
}

enum err cron_parse(struct str text, const struct cron_options *options, struct cron *ret,
                    struct buf *canonical, struct err_detail *detail) {
  struct words words = split_words(text);
  TRY(check_count(&words, options, detail));
  struct cron cron = {.is_fixed = true};
  set_absent(&cron, words.count >= 6, words.count == 7);
  char letters[LIMIT_SCHEDULE_BYTES];
  size_t weekday_column = 0;
  for (int i = 0; i < words.count; i++) {
    enum field_id id = (enum field_id)(i + (words.count == 5));
    ASSERT(words.word[i].len <= sizeof letters);
    struct parser p = {.options = options, .detail = detail, .cron = &cron, .id = id};
    p.field = id == WEEKDAY && options->dialect == SCHEDULE_DIALECT_QUARTZ ? &quartz_weekday : &fields[id];
    p.text = upper(words.word[i], letters);
    p.column = options->column + words.column[i];
    TRY(read_field(&p));
    if (id <= HOUR && is_open(p.text)) cron.is_fixed = false;
    if (id == WEEKDAY) weekday_column = words.column[i];
    if (i > 0) buf_add_char(canonical, ' ');
    add_canonical(canonical, p.text);
  }
  TRY(finish(&cron, options, weekday_column, detail));
  *ret = cron;
  return buf_error(canonical);
}
