#include "cli/job_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/job.h"

/* "max-runtime" and "maxRuntime" are the same, and so is any case: "memory-limit-mb". */
static bool is_same_name(const char *flag, const char *field) {
  for (; *flag && *field; flag++) {
    if (*flag == '-') continue;
    char a = *flag >= 'A' && *flag <= 'Z' ? (char)(*flag + 32) : *flag;
    char b = *field >= 'A' && *field <= 'Z' ? (char)(*field + 32) : *field;
    if (a != b) return false;
    field++;
  }
  return !*flag && !*field;
}

static const struct field *find_field(const char *flag) {
  for (size_t i = 0; i < job_field_count; i++)
    if (!(job_fields[i].flags & FIELD_READ_ONLY) && is_same_name(flag, job_fields[i].name))
      return &job_fields[i];
  return NULL;
}

static void set(struct job_flags *f, const char *name, json_t *value) {
  if (value && json_object_set_new(f->body, name, value) == 0) return;
  f->has_failed = true;
  if (!f->message[0]) (void)snprintf(f->message, sizeof f->message, "%s must be UTF-8 text", name);
}

static void refuse(struct job_flags *f, const struct field *field, const char *what) {
  f->has_failed = true;
  (void)snprintf(f->message, sizeof f->message, "--%s must be %s: %s", field->name, what, field->help);
}

static void set_value(struct job_flags *f, const struct field *field, const char *value) {
  int64_t number;
  json_t *parsed = NULL;
  if (strcmp(value, "null") == 0) return set(f, field->name, json_null());
  switch (field->type) {
    case FIELD_INT:
      if (!str_to_int(str_of(value), INT64_MIN, INT64_MAX, &number))
        return refuse(f, field, "a whole number");
      return set(f, field->name, json_integer(number));
    case FIELD_BOOL:
      if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) return refuse(f, field, "true or false");
      return set(f, field->name, json_boolean(value[0] == 't'));
    case FIELD_JSON:
      if (json_parse(str_of(value), &parsed, NULL) != ERR_OK) return refuse(f, field, "JSON");
      return set(f, field->name, parsed);
    case FIELD_REAL3: return set(f, field->name, json_real(strtod(value, NULL)));
    case FIELD_TEXT:
    case FIELD_INSTANT:
    case FIELD_ENUM: return set(f, field->name, json_string(value));
  }
}

/* --shell 'LINE': command and params of the shell executor in one. */
static void set_shell(struct job_flags *f, const char *line) {
  set(f, "command", json_string("shell"));
  set(f, "params", json_pack("{s:s}", "command", line));
}

bool job_flags_take(void *arg, const char *name, const char *value, bool *ret_used_value) {
  struct job_flags *f = arg;
  const struct field *field = find_field(name);
  bool is_shell = strcmp(name, "shell") == 0;
  if (!field && !is_shell) return false;
  if (!f->body) f->body = json_object();
  *ret_used_value = true;
  if (!value) {
    f->has_failed = true;
    (void)snprintf(f->message, sizeof f->message, "--%s needs a value", name);
  } else if (is_shell) {
    set_shell(f, value);
  } else {
    set_value(f, field, value);
  }
  return true;
}

void job_flags_print_help(void) {
  (void)puts("\nFields (null unsets one):");
  for (size_t i = 0; i < job_field_count; i++) {
    const struct field *f = &job_fields[i];
    if (f->flags & FIELD_READ_ONLY) continue;
    (void)printf("  --%-18s %s", f->name, f->help);
    for (size_t k = 0; f->type == FIELD_ENUM && f->names[k]; k++)
      (void)printf("%s%s", k ? " | " : ": ", f->names[k]);
    (void)putchar('\n');
  }
  (void)puts("  --shell LINE         the same as --command shell --params '{\"command\":LINE}'");
}
