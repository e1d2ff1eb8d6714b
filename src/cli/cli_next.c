#include "cli/cli_next.h"

#include <stdio.h>

#include "base/json.h"
#include "cli/schedule_args.h"
#include "sys/world.h"

#define LINE_BYTES_MAX 65536 /* of the batch mode; longer ones are answered with an error */
#define ANSWER_BYTES_MAX (8 * 1024 * 1024)
#define DEFAULT_COUNT 5

static const char help[] =
    "sereno next EXPR [options]      the next runs of a schedule\n"
    "sereno next --jsonl             answers {\"expr\",\"tz\",\"from\",\"count\"} lines from stdin\n"
    "\n"
    "  --tz ZONE       IANA time zone (UTC)\n"
    "  --from INSTANT  runs after this instant, or before it with --prev (now)\n"
    "  --count N       how many (5)\n"
    "  --prev          the previous runs, newest first\n"
    "  --dst RULE      once, skip or both\n"
    "  --dialect NAME  sereno, ocps or quartz\n"
    "  --and           day of month AND day of week\n"
    "  --seed ID       the job id that H and ~ follow\n"
    "  --start, --end, --anchor INSTANT\n"
    "  --json          for programs\n";

/* Without decimals when there are none, as in every run but those of @every and @at. */
static struct instant_text text_of(int64_t at_ms) {
  return at_ms % 1000 == 0 ? instant_to_text_seconds(at_ms) : instant_to_text(at_ms);
}

static int64_t step(struct schedule *s, int64_t at_ms, bool is_prev) {
  return is_prev ? schedule_prev(s, at_ms) : schedule_next(s, at_ms);
}

static bool is_end(int64_t at_ms) { return at_ms == INSTANT_NEVER || at_ms == INSTANT_NONE; }

static void write_runs(struct json_writer *w, struct schedule *s, int64_t from_ms, int64_t count,
                       bool is_prev) {
  jw_key(w, "next");
  jw_array(w);
  int64_t at_ms = from_ms;
  for (int64_t i = 0; i < count && !is_end(at_ms = step(s, at_ms, is_prev)); i++)
    jw_text(w, text_of(at_ms).text);
  jw_array_end(w);
}

/* ---- one expression ---- */

static void print_run(const struct tz *tz, int64_t at_ms) {
  static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  char abbreviation[TZ_ABBREVIATION_MAX];
  int64_t at_s = at_ms / 1000;
  int64_t local_s = at_s + tz_offset_s(tz, at_s, NULL, abbreviation);
  struct instant_text local = instant_to_text_seconds(local_s * 1000);
  (void)printf("%-24s  %s %.10s %.8s %s\n", text_of(at_ms).text, days[(local_s / 86400 + 4) % 7], local.text,
               local.text + 11, abbreviation);
}

static void print_runs(struct schedule *s, const struct schedule_args *a) {
  int64_t at_ms = a->from_ms, i = 0;
  for (; i < a->count && !is_end(at_ms = step(s, at_ms, a->is_prev)); i++) print_run(schedule_tz(s), at_ms);
  if (i == 0 && a->count > 0)
    (void)fputs(a->is_prev ? "it did not fire before\n" : "it never fires again\n", stderr);
}

static int print_json(struct schedule *s, const struct schedule_args *a) {
  BUF_AUTO struct buf out = buf_new(ANSWER_BYTES_MAX);
  BUF_AUTO struct buf canonical = buf_new(LIMIT_SCHEDULE_BYTES);
  if (schedule_format(s, &canonical) != ERR_OK) return 1;
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_kstr(&w, "expr", buf_str(&canonical));
  jw_kstr(&w, "tz", tz_name(schedule_tz(s)));
  write_runs(&w, s, a->from_ms, a->count, a->is_prev);
  jw_object_end(&w);
  if (buf_error(&out) != ERR_OK) return 1;
  (void)printf("%.*s\n", STR_ARG(buf_str(&out)));
  return 0;
}

static int answer_one(struct tzdb *db, const struct schedule_args *a) {
  struct err_detail detail = {};
  struct schedule *s;
  enum err e = schedule_compile(db, str_of(a->expression), &a->options, &s, &detail);
  if (e != ERR_OK) return schedule_args_fail("next", e, &detail, a->expression);
  int code = 0;
  if (a->is_json) code = print_json(s, a);
  else print_runs(s, a);
  schedule_free(s);
  return code;
}

/* ---- the batch mode ---- */

struct question {
  struct str expression;
  struct schedule_options options;
  int64_t from_ms, count;
  bool is_prev;
};

static enum err bad_member(struct err_detail *d, const char *key, const char *want) {
  return err_set(d, ERR_INVALID, key, 0, "\"%s\" must be %s", key, want);
}

static enum err unknown_member(struct err_detail *d, const char *key) {
  (void)err_set(d, ERR_INVALID, key, 0, "there is no member \"%.40s\"", key);
  err_hint(d, "known are expr, tz, from, count, dir, dialect, dom_dow, dst, seed, start, end, anchor, id");
  return ERR_INVALID;
}

static enum err read_text_member(struct question *q, const char *key, struct str text, struct err_detail *d) {
  struct str name = str_of(key);
  enum err e = schedule_args_set_option(&q->options, name, text, d);
  if (e != ERR_NOT_FOUND) return e;
  if (str_eq(name, STR("expr"))) {
    q->expression = text;
    return ERR_OK;
  }
  if (str_eq(name, STR("from")))
    return instant_from_text(text, &q->from_ms)
               ? ERR_OK
               : bad_member(d, key, "an instant such as 2026-12-01T10:00:00Z");
  if (!str_eq(name, STR("dir"))) return unknown_member(d, key);
  q->is_prev = str_eq(text, STR("prev"));
  return q->is_prev || str_eq(text, STR("next")) ? ERR_OK : bad_member(d, key, "\"next\" or \"prev\"");
}

static enum err read_member(struct question *q, const char *key, const json_t *value, struct err_detail *d) {
  struct str name = str_of(key);
  if (str_eq(name, STR("id")) || json_is_null(value)) return ERR_OK;
  if (str_eq(name, STR("count"))) {
    q->count = json_integer_value(value);
    bool is_good = json_is_integer(value) && q->count >= 0 && q->count <= SCHEDULE_ARGS_COUNT_MAX;
    return is_good ? ERR_OK : bad_member(d, key, "a number from 0 to 100000");
  }
  if (!json_is_string(value)) return bad_member(d, key, "a text");
  return read_text_member(q, key, (struct str){json_string_value(value), json_string_length(value)}, d);
}

static enum err read_question(json_t *object, struct question *q, struct err_detail *d) {
  if (!json_is_object(object)) return err_set(d, ERR_INVALID, "line", 0, "the line is no JSON object");
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) TRY(read_member(q, key, value, d));
  if (!q->expression.ptr) return bad_member(d, "expr", "given");
  return ERR_OK;
}

static void write_error(struct json_writer *w, enum err e, const struct err_detail *d) {
  jw_ktext(w, "error", d->message[0] ? d->message : err_text(e));
  jw_ktext(w, "field", d->field[0] ? d->field : "line");
  jw_kint(w, "column", d->column);
  if (d->hint[0]) jw_ktext(w, "hint", d->hint);
}

static enum err answer_question(struct tzdb *db, json_t *object, int64_t now_ms, struct json_writer *w,
                                struct err_detail *d) {
  struct question q = {.options = SCHEDULE_OPTIONS_DEFAULT, .from_ms = now_ms, .count = 1};
  TRY(read_question(object, &q, d));
  struct schedule *s;
  TRY(schedule_compile(db, q.expression, &q.options, &s, d));
  write_runs(w, s, q.from_ms, q.count, q.is_prev);
  schedule_free(s);
  return ERR_OK;
}

static enum err parse_line(struct str line, bool is_too_long, json_t **ret, struct err_detail *d) {
  if (is_too_long) return err_set(d, ERR_LIMIT, "line", LINE_BYTES_MAX, "the line is longer than 64 KB");
  enum err e = json_parse(line, ret, d);
  if (e != ERR_OK) (void)str_copy(d->field, sizeof d->field, STR("line"));
  return e;
}

static void answer_line(struct tzdb *db, struct str line, bool is_too_long, int64_t now_ms, struct buf *out) {
  struct err_detail detail = {};
  JSON_AUTO json_t *object = NULL;
  enum err e = parse_line(line, is_too_long, &object, &detail);
  struct json_writer w = jw_new(out);
  jw_object(&w);
  json_t *id = json_object_get(object, "id");
  if (id) {
    jw_key(&w, "id");
    jw_value(&w, id);
  }
  if (e == ERR_OK) e = answer_question(db, object, now_ms, &w, &detail);
  if (e != ERR_OK) write_error(&w, e, &detail);
  jw_object_end(&w);
  buf_add_char(out, '\n');
}

/* One line without its newline; what is beyond the maximum is read and dropped. False at the end of the file. */
static bool read_line(FILE *in, struct buf *line, bool *ret_is_too_long) {
  buf_clear(line);
  int c;
  bool is_any = false;
  while ((c = getc_unlocked(in)) != EOF) {
    is_any = true;
    if (c == '\n') break;
    buf_add_char(line, (char)c);
  }
  *ret_is_too_long = buf_error(line) != ERR_OK;
  return is_any;
}

static int answer_batch(struct tzdb *db, int64_t now_ms) {
  BUF_AUTO struct buf line = buf_new(LINE_BYTES_MAX);
  BUF_AUTO struct buf out = buf_new(ANSWER_BYTES_MAX);
  bool is_too_long;
  while (read_line(stdin, &line, &is_too_long)) {
    if (!is_too_long && str_trim(buf_str(&line)).len == 0) continue;
    buf_clear(&out);
    answer_line(db, buf_str(&line), is_too_long, now_ms, &out);
    if (buf_error(&out) != ERR_OK || fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
      return 1;
  }
  return 0;
}

int cli_next(int argc, char **argv) {
  struct schedule_args args;
  struct err_detail detail = {};
  int64_t now_ms = world_now_ms(world_real());
  enum err e = schedule_args_parse(argc, argv, now_ms, DEFAULT_COUNT, &args, &detail);
  if (e != ERR_OK) return schedule_args_fail("next", e, &detail, NULL);
  if (args.is_help || (!args.is_jsonl && !args.expression[0])) {
    (void)fputs(help, args.is_help ? stdout : stderr);
    return args.is_help ? 0 : 2;
  }
  struct tzdb *db;
  if (tzdb_new(NULL, &db) != ERR_OK) return 1;
  int code = args.is_jsonl ? answer_batch(db, now_ms) : answer_one(db, &args);
  tzdb_free(db);
  return code;
}
