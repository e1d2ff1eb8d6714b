/* A whole schedule text → struct schedule: the zone prefix, the pieces between '|', nicknames, @every, @at. */
#include <stdlib.h>

#include "time/schedule_data.h"

struct nickname {
  const char *name, *text;
};

static const struct nickname nicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

struct compiler {
  const struct schedule_options *options;
  struct err_detail *detail;
  const char *start; /* of the whole text, for columns */
  const struct tz *tz;
  struct buf canonical;
  struct member members[SCHEDULE_EXPRESSIONS_MAX];
  uint8_t count;
};

static int column_of(const struct compiler *c, const char *at) { return (int)(at - c->start) + 1; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Cuts the first word off. */
static struct str take_word(struct str *s) {
  size_t n = 0;
  while (n < s->len && !is_blank(s->ptr[n])) n++;
  struct str word = {s->ptr, n};
  *s = str_trim(str_from(*s, n));
  return word;
}

static enum err refuse(struct compiler *c, const char *at, const char *message, const char *hint) {
  (void)err_set(c->detail, ERR_INVALID, "schedule", column_of(c, at), "%s", message);
  if (hint) err_hint(c->detail, "%s", hint);
  return ERR_INVALID;
}

/* What only the Sereno dialect has. */
static enum err need_sereno(struct compiler *c, const char *at, const char *what) {
  if (c->options->dialect == SCHEDULE_DIALECT_SERENO) return ERR_OK;
  (void)err_set(c->detail, ERR_INVALID, "schedule", column_of(c, at), "%s is not part of the dialect \"%s\"",
                what, schedule_dialect_name(c->options->dialect));
  err_hint(c->detail, "choose the dialect \"sereno\" to use it");
  return ERR_INVALID;
}

/* ---- @every and @at ---- */

static enum err compile_every(struct compiler *c, struct str text, struct member *m) {
  int64_t period_ms;
  if (!duration_from_text(text, &period_ms))
    return refuse(c, text.ptr, "@every wants a duration", "write for example @every 90s, 1h30m or PT1H30M");
  if (period_ms < SCHEDULE_EVERY_MIN_MS)
    return refuse(c, text.ptr, "the duration of @every is too short", "write at least 1s");
  int64_t anchor_ms = c->options->start_ms != INSTANT_NONE ? c->options->start_ms : c->options->anchor_ms;
  if (anchor_ms == INSTANT_NONE) anchor_ms = 0;
  anchor_ms %= period_ms;
  *m = (struct member){.kind = MEMBER_EVERY,
                       .every = {period_ms, anchor_ms < 0 ? anchor_ms + period_ms : anchor_ms}};
  return ERR_OK;
}

/* "2026-12-01T10:00", with seconds if wanted: a local reading; otherwise RFC 3339 with its offset. */
static bool read_local(struct str text, int64_t *ret_s) {
  char full[sizeof "2026-12-01T10:00:00Z"] = "0000-00-00T00:00:00Z";
  if (text.len != 16 && text.len != 19) return false;
  memcpy(full, text.ptr, text.len);
  int64_t ms;
  if (!instant_from_text(str_of(full), &ms)) return false;
  *ret_s = ms / 1000;
  return true;
}

static enum err compile_at(struct compiler *c, struct str text, struct member *m) {
  int64_t local_s, at_ms;
  if (read_local(text, &local_s)) at_ms = 1000 * tz_from_local(c->tz, local_s, NULL);
  else if (!instant_from_text(text, &at_ms))
    return refuse(c, text.ptr, "@at wants a date and a time",
                  "write @at 2026-12-01T10:00 (in the schedule's zone) or 2026-12-01T10:00:00Z");
  if (at_ms < SCHEDULE_FIRST_MS || at_ms >= SCHEDULE_END_MS)
    return refuse(c, text.ptr, "@at is not within the years 1970 to 2199", NULL);
  *m = (struct member){.kind = MEMBER_AT, .at_ms = at_ms};
  return ERR_OK;
}

/* ---- one piece ---- */

static enum err compile_cron(struct compiler *c, struct str text, size_t column, struct buf *canonical,
                             struct member *m) {
  struct cron_options o = {.dialect = c->options->dialect,
                           .days_and = c->options->days_and,
                           .seed = c->options->seed,
                           .column = column};
  m->kind = MEMBER_CRON;
  return cron_parse(text, &o, &m->cron, canonical, c->detail);
}

static enum err unknown_nickname(struct compiler *c, struct str word) {
  struct str shown = word.len > 30 ? (struct str){word.ptr, 30} : word;
  (void)err_set(c->detail, ERR_INVALID, "schedule", column_of(c, word.ptr), "\"%.*s\" is not known",
                STR_ARG(shown));
  for (size_t i = 0; i < sizeof nicknames / sizeof nicknames[0]; i++)
    if (str_eq_nocase(word, str_of(nicknames[i].name))) {
      err_hint(c->detail, "write %s in lower case", nicknames[i].name);
      return ERR_INVALID;
    }
  err_hint(c->detail,
           "known are @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot @every @at");
  return ERR_INVALID;
}

static enum err compile_nickname(struct compiler *c, struct str word, struct member *m) {
  for (size_t i = 0; i < sizeof nicknames / sizeof nicknames[0]; i++) {
    if (!str_eq(word, str_of(nicknames[i].name))) continue;
    BUF_AUTO struct buf expanded = buf_new(LIMIT_SCHEDULE_BYTES);
    struct cron_options o = {.dialect = SCHEDULE_DIALECT_SERENO};
    m->kind = MEMBER_CRON;
    return cron_parse(str_of(nicknames[i].text), &o, &m->cron, &expanded, NULL);
  }
  if (!str_eq(word, STR("@reboot"))) return unknown_nickname(c, word);
  m->kind = MEMBER_REBOOT;
  return ERR_OK;
}

static enum err compile_at_sign(struct compiler *c, struct str text, struct member *m) {
  struct str argument = text;
  struct str word = take_word(&argument);
  buf_add_str(&c->canonical, word);
  bool is_every = str_eq(word, STR("@every")), is_at = str_eq(word, STR("@at"));
  if (!is_every && !is_at) {
    if (argument.len > 0)
      return refuse(c, argument.ptr, "nothing may follow a nickname", "remove what follows it");
    return compile_nickname(c, word, m);
  }
  TRY(need_sereno(c, word.ptr, is_every ? "@every" : "@at"));
  buf_add_char(&c->canonical, ' ');
  buf_add_str(&c->canonical, argument);
  return is_every ? compile_every(c, argument, m) : compile_at(c, argument, m);
}

static enum err compile_piece(struct compiler *c, struct str text) {
  if (text.len == 0)
    return refuse(c, text.ptr, "the expression is empty",
                  "write for example 0 3 * * * for every day at 03:00");
  if (c->count == SCHEDULE_EXPRESSIONS_MAX)
    return refuse(c, text.ptr, "there are more than 32 expressions", "split them over several jobs");
  if (c->count > 0) {
    TRY(need_sereno(c, text.ptr, "a list of expressions"));
    buf_add_text(&c->canonical, " | ");
  }
  struct member *m = &c->members[c->count++];
  if (text.ptr[0] == '@') return compile_at_sign(c, text, m);
  return compile_cron(c, text, (size_t)(text.ptr - c->start), &c->canonical, m);
}

/* ---- the whole text ---- */

static enum err take_zone(struct compiler *c, struct tzdb *db, struct str *text) {
  struct str name = c->options->timezone;
  int column = 0;
  bool is_long = str_starts(*text, STR("CRON_TZ=")), is_short = str_starts(*text, STR("TZ="));
  if (is_long || is_short) {
    TRY(need_sereno(c, text->ptr, "CRON_TZ="));
    struct str word = take_word(text);
    name = str_from(word, is_long ? 8 : 3);
    column = column_of(c, name.ptr);
    if (name.len == 0) return refuse(c, name.ptr, "the time zone is missing", "write CRON_TZ=Europe/Madrid");
    buf_add_text(&c->canonical, "CRON_TZ=");
    buf_add_str(&c->canonical, name);
    buf_add_char(&c->canonical, ' ');
  }
  enum err e = tz_find(db, name, &c->tz, c->detail);
  if (e != ERR_OK && c->detail) c->detail->column = column;
  return e;
}

/* @reboot has no instants, so it cannot be part of a set of them. */
static enum err check_reboot(struct compiler *c, struct str text) {
  for (int i = 0; i < c->count && c->count > 1; i++)
    if (c->members[i].kind == MEMBER_REBOOT)
      return refuse(c, text.ptr, "@reboot cannot be joined with other expressions",
                    "make it a job of its own");
  return ERR_OK;
}

static enum err build(const struct compiler *c, struct schedule **ret) {
  const struct schedule_options *o = c->options;
  size_t members = c->count * sizeof(struct member);
  struct schedule *s = calloc(1, sizeof *s + members + c->canonical.len);
  if (!s) return ERR_NO_MEMORY;
  s->tz = c->tz;
  s->start_ms = o->start_ms > SCHEDULE_FIRST_MS ? o->start_ms : SCHEDULE_FIRST_MS;
  s->end_ms = o->end_ms == INSTANT_NONE || o->end_ms >= SCHEDULE_END_MS ? SCHEDULE_END_MS - 1 : o->end_ms;
  s->span_from_s = INT64_MAX;
  s->span_until_s = INT64_MIN;
  s->dst = (uint8_t)o->dst;
  s->count = c->count;
  s->text_len = (uint16_t)c->canonical.len;
  memcpy(s->members, c->members, members);
  memcpy((char *)s->members + members, c->canonical.ptr, c->canonical.len);
  *ret = s;
  return ERR_OK;
}

static enum err compile(struct compiler *c, struct tzdb *db, struct str text) {
  struct str whole = text = str_trim(text);
  TRY(take_zone(c, db, &text));
  if (text.len == 0) return compile_piece(c, text);
  for (struct str piece; str_split(&text, '|', &piece);) TRY(compile_piece(c, str_trim(piece)));
  TRY(check_reboot(c, whole));
  return buf_error(&c->canonical);
}

static enum err too_long(struct err_detail *detail) {
  (void)err_set(detail, ERR_LIMIT, "schedule", LIMIT_SCHEDULE_BYTES + 1,
                "the schedule is longer than %d bytes", LIMIT_SCHEDULE_BYTES);
  err_hint(detail, "split it over several jobs");
  return ERR_LIMIT;
}

enum err schedule_compile(struct tzdb *db, struct str text, const struct schedule_options *options,
                          struct schedule **ret, struct err_detail *detail) {
  ASSERT(options->dialect >= 0 && options->dialect < SCHEDULE_DIALECT_COUNT);
  ASSERT(options->dst >= 0 && options->dst < SCHEDULE_DST_COUNT);
  if (text.len > LIMIT_SCHEDULE_BYTES) return too_long(detail);
  if (!text.ptr) text = STR("");
  struct compiler *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  *c = (struct compiler){.options = options, .detail = detail, .start = text.ptr};
  c->canonical = buf_new(LIMIT_SCHEDULE_BYTES); /* the canonical text must compile again */
  enum err e = compile(c, db, text);
  if (buf_error(&c->canonical) == ERR_LIMIT) e = too_long(detail);
  if (e == ERR_OK) e = build(c, ret);
  buf_free(&c->canonical);
  free(c);
  return e;
}

void schedule_free(struct schedule *s) { free(s); }
