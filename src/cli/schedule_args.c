#include "cli/schedule_args.h"

#include <stdio.h>

static const char instant_hint[] = "write an instant such as 2026-12-01T10:00:00Z";

static enum err bad_value(struct err_detail *d, struct str name, struct str value, const char *hint) {
  char field[ERR_FIELD_MAX];
  (void)str_copy(field, sizeof field, name);
  (void)err_set(d, ERR_INVALID, field, 0, "\"%.*s\" is no value for %s", STR_ARG(value), field);
  err_hint(d, "%s", hint);
  return ERR_INVALID;
}

static bool set_days(struct str value, bool *ret_and) {
  *ret_and = str_eq(value, STR("and"));
  return *ret_and || str_eq(value, STR("or"));
}

enum err schedule_args_set_option(struct schedule_options *o, struct str name, struct str value,
                                  struct err_detail *detail) {
  bool is_good = true;
  const char *hint = instant_hint;
  if (str_eq(name, STR("tz"))) {
    o->timezone = value;
  } else if (str_eq(name, STR("seed"))) {
    o->seed = schedule_seed(value);
  } else if (str_eq(name, STR("dialect"))) {
    is_good = schedule_dialect_from_name(value, &o->dialect);
    hint = "write sereno, ocps or quartz";
  } else if (str_eq(name, STR("dst"))) {
    is_good = schedule_dst_from_name(value, &o->dst);
    hint = "write once, skip or both";
  } else if (str_eq(name, STR("dom_dow"))) {
    is_good = set_days(value, &o->days_and);
    hint = "write and, or";
  } else if (str_eq(name, STR("start"))) {
    is_good = instant_from_text(value, &o->start_ms);
  } else if (str_eq(name, STR("end"))) {
    is_good = instant_from_text(value, &o->end_ms);
  } else if (str_eq(name, STR("anchor"))) {
    is_good = instant_from_text(value, &o->anchor_ms);
  } else {
    return ERR_NOT_FOUND;
  }
  return is_good ? ERR_OK : bad_value(detail, name, value, hint);
}

static enum err add_word(struct schedule_args *a, struct str word, struct err_detail *detail) {
  size_t len = strlen(a->expression);
  if (len + 1 + word.len >= sizeof a->expression)
    return err_set(detail, ERR_LIMIT, "schedule", 0, "the schedule is longer than %d bytes",
                   LIMIT_SCHEDULE_BYTES);
  if (len > 0) a->expression[len++] = ' ';
  memcpy(a->expression + len, word.ptr, word.len);
  a->expression[len + word.len] = '\0';
  return ERR_OK;
}

static bool set_flag(struct schedule_args *a, struct str name) {
  const struct {
    struct str name;
    bool *flag;
  } flags[] = {{STR("prev"), &a->is_prev},
               {STR("json"), &a->is_json},
               {STR("jsonl"), &a->is_jsonl},
               {STR("help"), &a->is_help},
               {STR("and"), &a->options.days_and}};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (!str_eq(name, flags[i].name)) continue;
    *flags[i].flag = true;
    return true;
  }
  return false;
}

static enum err set_value(struct schedule_args *a, struct str name, struct str value,
                          struct err_detail *detail) {
  enum err e = schedule_args_set_option(&a->options, name, value, detail);
  if (e != ERR_NOT_FOUND) return e;
  bool is_good;
  const char *hint = instant_hint;
  if (str_eq(name, STR("from"))) {
    is_good = instant_from_text(value, &a->from_ms);
  } else if (str_eq(name, STR("count"))) {
    is_good = str_to_int(value, 0, SCHEDULE_ARGS_COUNT_MAX, &a->count);
    hint = "write a number from 0 to 100000";
  } else if (str_eq(name, STR("lang"))) {
    is_good = schedule_lang_from_name(value, &a->lang);
    hint = "write en or es";
  } else if (str_eq(name, STR("usual"))) {
    is_good = duration_from_text(value, &a->usual_ms);
    hint = "write a duration such as 90s or 1h30m";
  } else {
    (void)err_set(detail, ERR_INVALID, NULL, 0, "there is no option --%.*s", STR_ARG(name));
    err_hint(detail, "--help lists the options");
    return ERR_INVALID;
  }
  return is_good ? ERR_OK : bad_value(detail, name, value, hint);
}

/* "--name value" or "--name=value"; *i is moved to the last argument used. */
static enum err read_option(struct schedule_args *a, struct str name, int argc, char **argv, int *i,
                            struct err_detail *detail) {
  if (set_flag(a, name)) return ERR_OK;
  size_t equals = str_find_char(name, '=');
  struct str value = equals == SIZE_MAX ? STR_NONE : str_from(name, equals + 1);
  if (equals != SIZE_MAX) name.len = equals;
  else if (*i + 1 < argc) value = str_of(argv[++*i]);
  if (!value.ptr) return err_set(detail, ERR_INVALID, NULL, 0, "--%.*s wants a value", STR_ARG(name));
  return set_value(a, name, value, detail);
}

enum err schedule_args_parse(int argc, char **argv, int64_t now_ms, int64_t count, struct schedule_args *ret,
                             struct err_detail *detail) {
  *ret = (struct schedule_args){.options = SCHEDULE_OPTIONS_DEFAULT, .from_ms = now_ms, .count = count};
  bool is_option_allowed = true;
  for (int i = 1; i < argc; i++) {
    struct str word = str_of(argv[i]);
    bool is_option = is_option_allowed && str_starts(word, STR("--"));
    if (is_option && word.len == 2) is_option_allowed = false;
    else if (is_option) TRY(read_option(ret, str_from(word, 2), argc, argv, &i, detail));
    else TRY(add_word(ret, word, detail));
  }
  return ERR_OK;
}

int schedule_args_fail(const char *verb, enum err e, const struct err_detail *detail,
                       const char *expression) {
  const char *field = detail->field[0] ? detail->field : NULL;
  (void)fprintf(stderr, "sereno %s: %s%s%s\n", verb, field ? field : "", field ? ": " : "",
                detail->message[0] ? detail->message : err_text(e));
  if (detail->column > 0 && expression && expression[0] && strlen(expression) < 200)
    (void)fprintf(stderr, "  %s\n  %*s\n", expression, detail->column, "^");
  if (detail->hint[0]) (void)fprintf(stderr, "  %s\n", detail->hint);
  return 2;
}
