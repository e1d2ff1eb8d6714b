#include "cli/systemd_calendar.h"

struct calendar {
  struct str days, year, month, day, hour, minute, second, zone;
};

static enum err refuse(struct err_detail *d, struct str text, const char *why) {
  return err_set(d, ERR_INVALID, "OnCalendar", 0, "\"%.*s\" %s", (int)(text.len < 100 ? text.len : 100),
                 text.ptr, why);
}

static const char *shorthand(struct str text) {
  static const struct {
    const char *word, *schedule;
  } rows[] = {{"minutely", "* * * * *"},       {"hourly", "0 * * * *"},  {"daily", "0 0 * * *"},
              {"weekly", "0 0 * * Mon"},       {"monthly", "0 0 1 * *"}, {"quarterly", "0 0 1 1,4,7,10 *"},
              {"semiannually", "0 0 1 1,7 *"}, {"yearly", "0 0 1 1 *"},  {"annually", "0 0 1 1 *"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (str_eq_nocase(text, str_of(rows[i].word))) return rows[i].schedule;
  return NULL;
}

static bool is_star(struct str s) { return str_eq(s, STR("*")); }
static bool is_digit_or_star(char c) { return (c >= '0' && c <= '9') || c == '*'; }

/* "2026-1,7-*" or "*-*": the year may be left out. */
static bool read_date(struct str text, struct calendar *c) {
  struct str rest = text, parts[3];
  size_t count = 0;
  while (rest.ptr && count < 3 && str_split(&rest, '-', &parts[count])) count++;
  if (count < 2 || (rest.ptr && rest.len)) return false;
  c->year = count == 3 ? parts[0] : STR("*");
  c->month = parts[count - 2];
  c->day = parts[count - 1];
  return c->month.len && c->day.len && c->year.len;
}

static bool read_time(struct str text, struct calendar *c) {
  struct str rest = text, parts[3] = {{}, {}, STR("0")};
  size_t count = 0;
  while (rest.ptr && count < 3 && str_split(&rest, ':', &parts[count])) count++;
  c->hour = parts[0], c->minute = parts[1], c->second = count == 3 ? parts[2] : STR("0");
  return count >= 2 && c->hour.len && c->minute.len && c->second.len;
}

/* Each word by its look: a time has a colon, a date a hyphen between figures, days begin with a letter. */
static bool read_word(struct str word, struct calendar *c) {
  bool is_figure = word.len > 0 && is_digit_or_star(word.ptr[0]);
  if (is_figure && str_find_char(word, ':') != SIZE_MAX) return read_time(word, c);
  if (is_figure && str_find_char(word, '-') != SIZE_MAX) return read_date(word, c);
  bool is_zone = str_find_char(word, '/') != SIZE_MAX || str_eq(word, STR("UTC"));
  struct str *to = is_zone ? &c->zone : &c->days;
  if (is_figure || to->ptr) return false;
  *to = word;
  return true;
}

/* ".." is our "-"; names of days are cut to the three letters that cron knows. */
static void add_part(struct buf *out, struct str part) {
  size_t letters = 0;
  for (size_t i = 0; i < part.len; i++) {
    char ch = part.ptr[i];
    bool is_letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
    letters = is_letter ? letters + 1 : 0;
    if (ch == '.' && i + 1 < part.len && part.ptr[i + 1] == '.') buf_add_char(out, '-'), i++;
    else if (letters <= 3) buf_add_char(out, ch);
  }
}

static void write_schedule(const struct calendar *c, struct buf *out) {
  bool has_year = !is_star(c->year),
       has_seconds = has_year || !(str_eq(c->second, STR("0")) || str_eq(c->second, STR("00")));
  const struct str parts[] = {c->minute, c->hour, c->day, c->month};
  if (has_seconds) add_part(out, c->second), buf_add_char(out, ' ');
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) add_part(out, parts[i]), buf_add_char(out, ' ');
  /* both restricted: systemd means both, cron either; "+" says so */
  if (c->days.ptr && !is_star(c->day)) buf_add_char(out, '+');
  add_part(out, c->days.ptr ? c->days : STR("*"));
  if (has_year) buf_add_char(out, ' '), add_part(out, c->year);
}

enum err systemd_calendar(struct str text, struct buf *out, struct str *ret_zone, struct err_detail *d) {
  struct calendar c = {.year = STR("*"),
                       .month = STR("*"),
                       .day = STR("*"),
                       .hour = STR("0"),
                       .minute = STR("0"),
                       .second = STR("0")};
  struct str rest = str_trim(text), word;
  const char *known = shorthand(rest);
  *ret_zone = STR_NONE;
  if (known) {
    buf_add_text(out, known);
    return buf_error(out);
  }
  if (str_find_char(rest, '~') != SIZE_MAX)
    return refuse(d, text, "counts from the end of the month; write the schedule by hand (L)");
  for (size_t i = 0; i + 1 < rest.len; i++)
    if (rest.ptr[i] == '.' && rest.ptr[i + 1] >= '0' && rest.ptr[i + 1] <= '9' &&
        (i == 0 || rest.ptr[i - 1] != '.'))
      return refuse(d, text, "has fractions of seconds");
  if (rest.len == 0) return refuse(d, text, "says nothing");
  while (rest.ptr && rest.len && str_split(&rest, ' ', &word))
    if (word.len && !read_word(word, &c)) return refuse(d, text, "cannot be read");
  write_schedule(&c, out);
  *ret_zone = c.zone;
  return buf_error(out);
}
