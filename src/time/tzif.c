#include "time/tzif.h"

#include <stdlib.h>

#include "base/instant.h"
#include "time/tz.h"

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define TIME_ABS_MAX (INT64_C(1) << 59) /* RFC 9636 3.2 says no earlier than -2^59; keeps sums in range */
#define RULE_FIRST_YEAR 1900            /* where a zone that is all footer begins to follow it */
#define NAMES_MAX 512
#define ROWS_MAX (TZ_FILE_BYTES_MAX / 5 + 2 * (TZ_LAST_YEAR - RULE_FIRST_YEAR + 2))

struct header {
  uint8_t version;
  uint32_t isut, isstd, leap, times, types, chars;
};

struct block { /* where the parts of one data block begin */
  const uint8_t *times, *time_types, *types, *chars;
};

static uint32_t read_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_time(const uint8_t *p, size_t size) {
  if (size == 4) return (int32_t)read_u32(p);
  return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static enum err damaged(struct err_detail *detail, const char *what) {
  return err_set(detail, ERR_INVALID, "timezone", 0, "the zone file is damaged: %s", what);
}

static bool take_header(struct str *s, struct header *ret) {
  if (s->len < HEADER_BYTES || memcmp(s->ptr, "TZif", 4) != 0) return false;
  const uint8_t *p = (const uint8_t *)s->ptr;
  *ret = (struct header){.version = p[4],
                         .isut = read_u32(p + 20),
                         .isstd = read_u32(p + 24),
                         .leap = read_u32(p + 28),
                         .times = read_u32(p + 32),
                         .types = read_u32(p + 36),
                         .chars = read_u32(p + 40)};
  *s = str_from(*s, HEADER_BYTES);
  return true;
}

static const uint8_t *take_bytes(struct str *s, uint64_t n) {
  if (n > s->len) return NULL;
  const uint8_t *p = (const uint8_t *)s->ptr;
  *s = str_from(*s, (size_t)n);
  return p;
}

/* The counts are 32 bits wide, so their products fit into 64. */
static bool take_block(struct str *s, const struct header *h, uint64_t time_size, struct block *ret) {
  return (ret->times = take_bytes(s, h->times * time_size)) && (ret->time_types = take_bytes(s, h->times)) &&
         (ret->types = take_bytes(s, (uint64_t)h->types * TYPE_BYTES)) &&
         (ret->chars = take_bytes(s, h->chars)) && take_bytes(s, h->leap * (time_size + 4)) &&
         take_bytes(s, h->isstd) && take_bytes(s, h->isut);
}

static const char *counts_fault(const struct header *h) {
  if (h->types == 0 || h->types > 256) return "it has no local time types, or too many";
  if (h->chars == 0 || h->chars > NAMES_MAX) return "it has no abbreviations, or too many";
  if ((h->isut != 0 && h->isut != h->types) || (h->isstd != 0 && h->isstd != h->types))
    return "its indicators do not match its types";
  return NULL;
}

static const char *types_fault(const struct header *h, const struct block *b) {
  for (size_t i = 0; i < h->types; i++) {
    const uint8_t *type = b->types + i * TYPE_BYTES;
    int32_t offset_s = (int32_t)read_u32(type);
    if (offset_s <= -TZ_OFFSET_MAX_S || offset_s >= TZ_OFFSET_MAX_S) return "an offset is beyond 26 hours";
    if (type[4] > 1) return "a daylight saving flag is neither 0 nor 1";
    if (type[5] >= h->chars) return "an abbreviation lies outside of the file";
    const void *end = memchr(b->chars + type[5], 0, h->chars - type[5]);
    if (!end || (const uint8_t *)end - (b->chars + type[5]) >= TZ_ABBREVIATION_MAX)
      return "an abbreviation is too long";
  }
  return NULL;
}

static const char *times_fault(const struct header *h, const struct block *b, size_t time_size) {
  int64_t before = INT64_MIN;
  for (size_t i = 0; i < h->times; i++) {
    int64_t at = read_time(b->times + i * time_size, time_size);
    if (at <= before) return "its transitions are not in order";
    if (at < -TIME_ABS_MAX || at > TIME_ABS_MAX) return "a transition is too far away";
    if (b->time_types[i] >= h->types) return "a transition leads to a type that does not exist";
    before = at;
  }
  return NULL;
}

static struct tz_row *last_row(struct tz_table *t) { return &t->rows[t->count - 1]; }

/* Ends the table with a span, unless it changes nothing; one at the same instant replaces the last. */
static void push_row(struct tz_table *t, struct tz_row row) {
  if (t->count > 0 && last_row(t)->from_s == row.from_s) t->count--;
  if (t->count > 0) {
    const struct tz_row *last = last_row(t);
    if (last->offset_s == row.offset_s && last->is_dst == row.is_dst &&
        strcmp(t->names + last->name, t->names + row.name) == 0)
      return;
    int64_t end = row.from_s + last->offset_s;
    row.high_s = end > last->high_s ? end : last->high_s;
  } else {
    row.from_s = row.high_s = INT64_MIN;
  }
  ASSERT(t->count < ROWS_MAX);
  t->rows[t->count++] = row;
}

static struct tz_row row_of_type(const struct block *b, uint8_t type, int64_t from_s) {
  const uint8_t *p = b->types + (size_t)type * TYPE_BYTES;
  return (struct tz_row){
      .from_s = from_s, .offset_s = (int32_t)read_u32(p), .is_dst = p[4] == 1, .name = p[5]};
}

static uint16_t add_name(struct tz_table *t, struct str name) {
  size_t at = t->names_len;
  memcpy(t->names + at, name.ptr, name.len);
  t->names[at + name.len] = '\0';
  t->names_len += name.len + 1;
  return (uint16_t)at;
}

static struct tz_row row_of_rule(const struct tz_table *t, bool is_dst, int64_t from_s) {
  return (struct tz_row){.from_s = from_s,
                         .offset_s = is_dst ? t->rule.dst_offset_s : t->rule.std_offset_s,
                         .is_dst = is_dst,
                         .name = is_dst ? t->dst_name : t->std_name};
}

/* Rows of the footer's rule after the last transition, through TZ_LAST_YEAR. A rule that changes nothing in
 * that time (daylight saving all year) is none. */
static enum err extend_by_rule(struct tz_table *t, bool is_all_rule) {
  int64_t last_s = is_all_rule ? INT64_MIN : last_row(t)->from_s;
  int64_t year = RULE_FIRST_YEAR;
  int month, day;
  if (!is_all_rule && last_s > 0) civil_from_days(last_s / 86400, &year, &month, &day);
  if (year > TZ_LAST_YEAR) return ERR_OK;
  size_t n = 2 * (size_t)(TZ_LAST_YEAR - year + 1), before = t->count;
  struct tz_rule_event *events = calloc(n, sizeof *events);
  if (!events) return ERR_NO_MEMORY;
  tz_rule_events(&t->rule, year, TZ_LAST_YEAR, events);
  for (size_t i = 0; i < n; i++)
    if (events[i].at_s > last_s) push_row(t, row_of_rule(t, events[i].is_dst, events[i].at_s));
  free(events);
  if (t->count > before + 2) t->rule_from_s = last_row(t)->from_s;
  return ERR_OK;
}

static enum err apply_rule(struct tz_table *t, bool has_transitions, struct err_detail *detail) {
  if (!t->rule.is_set) return ERR_OK;
  t->std_name = add_name(t, t->rule.std_name);
  if (t->rule.has_dst) t->dst_name = add_name(t, t->rule.dst_name);
  if (!has_transitions) { /* RFC 9636 3.3: then the footer holds for all times */
    t->count = 0;
    push_row(t, row_of_rule(t, false, INT64_MIN));
  }
  if (t->rule.has_dst) return extend_by_rule(t, !has_transitions);
  if (last_row(t)->offset_s != t->rule.std_offset_s)
    return damaged(detail, "its footer contradicts its table");
  return ERR_OK;
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

static void measure_changes(struct tz_table *t) {
  int64_t step = 0;
  for (size_t i = 1; i < t->count; i++) {
    int change = t->rows[i].offset_s - t->rows[i - 1].offset_s;
    if (t->rows[i].from_s < 0 || change == 0) continue;
    step = gcd(gcd(step, change), (t->rows[i].from_s + t->rows[i].offset_s) % 86400);
    if (change > t->jump_s) t->jump_s = change;
  }
  t->step_s = (int)step;
}

static enum err build(const struct header *h, const struct block *b, size_t time_size, struct tz_table *t,
                      struct err_detail *detail) {
  const char *fault = counts_fault(h);
  if (!fault) fault = types_fault(h, b);
  if (!fault) fault = times_fault(h, b, time_size);
  if (fault) return damaged(detail, fault);
  TRY(tz_rule_parse(str_of(t->footer), &t->rule, detail));
  size_t rule_rows = t->rule.has_dst ? 2 * (TZ_LAST_YEAR - RULE_FIRST_YEAR + 2) : 0;
  t->rows = calloc(h->times + 1 + rule_rows, sizeof *t->rows);
  t->names = calloc(1, h->chars + 1 + 2 * TZ_ABBREVIATION_MAX);
  if (!t->rows || !t->names) return ERR_NO_MEMORY;
  memcpy(t->names, b->chars, h->chars);
  t->names_len = h->chars + 1;
  t->rule_from_s = INT64_MAX;
  push_row(t, row_of_type(b, 0, INT64_MIN));
  for (size_t i = 0; i < h->times; i++)
    push_row(t, row_of_type(b, b->time_types[i], read_time(b->times + i * time_size, time_size)));
  TRY(apply_rule(t, h->times > 0, detail));
  measure_changes(t);
  return ERR_OK;
}

/* "\n" TZ string "\n", and nothing behind it. */
static bool take_footer(struct str s, struct tz_table *t) {
  if (s.len < 2 || s.ptr[0] != '\n' || s.ptr[s.len - 1] != '\n') return false;
  struct str text = {s.ptr + 1, s.len - 2};
  return !memchr(text.ptr, '\0', text.len) && str_copy(t->footer, sizeof t->footer, text);
}

enum err tzif_parse(struct str bytes, struct tz_table *ret, struct err_detail *detail) {
  *ret = (struct tz_table){};
  struct header h;
  struct block b = {};
  size_t time_size = 4;
  if (!take_header(&bytes, &h)) return damaged(detail, "it does not begin as a TZif file does");
  if (!take_block(&bytes, &h, 4, &b)) return damaged(detail, "it ends too early");
  if (h.version >= '2') {
    time_size = 8;
    if (!take_header(&bytes, &h)) return damaged(detail, "its second header is missing");
    if (!take_block(&bytes, &h, 8, &b)) return damaged(detail, "it ends too early");
    if (!take_footer(bytes, ret)) return damaged(detail, "its footer is missing or too long");
  }
  if (h.leap > 0) {
    (void)err_set(detail, ERR_INVALID, "timezone", 0,
                  "the zone counts leap seconds, the system's clock does not");
    err_hint(detail, "use the zone of the same name without \"right/\"");
    return ERR_INVALID;
  }
  enum err e = build(&h, &b, time_size, ret, detail);
  if (e != ERR_OK) tzif_free(ret);
  return e;
}

void tzif_free(struct tz_table *t) {
  free(t->rows);
  free(t->names);
  *t = (struct tz_table){};
}
