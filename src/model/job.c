#include "model/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/limits.h"

const struct field job_fields[] = {
#define JOB(member, name, type, flags, min, max, otherwise, names, help) \
  {name, FIELD_##type, (flags), (min), (max), (otherwise), (names), offsetof(struct job, member), help},
#include "model/job.def"
#undef JOB
};
const size_t job_field_count = sizeof job_fields / sizeof job_fields[0];

struct job *job_copy(const struct job *job) {
  size_t bytes = fields_texts_bytes(job_fields, job_field_count, job);
  struct job *copy = malloc(sizeof *copy + bytes);
  if (!copy) return NULL;
  memcpy(copy, job, sizeof *copy);
  atomic_store(&copy->refs, 1);
  fields_move_texts(job_fields, job_field_count, copy, (char *)(copy + 1));
  return copy;
}

struct job *job_ref(struct job *job) {
  if (job) atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
  return job;
}

void job_unref(struct job *job) {
  if (!job) return;
  unsigned before = atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel);
  ASSERT(before > 0);
  if (before == 1) free(job);
}

void job_init(struct job *job) {
  memset(job, 0, sizeof *job);
  for (size_t i = 0; i < job_field_count; i++)
    if (job_fields[i].type != FIELD_TEXT && job_fields[i].type != FIELD_JSON)
      field_set_int(&job_fields[i], job, job_fields[i].otherwise);
}

bool job_is_test(const struct job *job) {
  return !job->is_active && job->disabled_reason && strcmp(job->disabled_reason, JOB_TEST_MARK) == 0;
}

static enum err must_be_json(const char *text, const char *field, bool is_array, struct err_detail *d) {
  if (!text) return ERR_OK;
  json_t *value = NULL;
  TRY(json_parse(str_of(text), &value, d));
  bool is_right = is_array ? json_is_array(value) : json_is_object(value);
  json_decref(value);
  return is_right ? ERR_OK
                  : err_set(d, ERR_INVALID, field, 0, "%s must be a JSON %s", field,
                            is_array ? "array" : "object");
}

static enum err channels_are_known(const char *text, struct err_detail *d) {
  static const char *const known[] = {"email", "slack", "webhook", "pagerduty", "sentry", NULL};
  TRY(must_be_json(text, "alertChannels", true, d));
  if (!text) return ERR_OK;
  json_t *list = NULL;
  TRY(json_parse(str_of(text), &list, d));
  enum err e = ERR_OK;
  for (size_t i = 0; i < json_array_size(list) && e == ERR_OK; i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (!name || field_enum_index(known, str_of(name)) < 0) {
      e = err_set(d, ERR_INVALID, "alertChannels", (int)i + 1, "alertChannels[%zu] is no known channel", i);
      err_hint(d, "email, slack, webhook, pagerduty or sentry");
    }
  }
  json_decref(list);
  return e;
}

/* A name stands in paths of the API, in crontabs and on terminals, and finds a job where an id does, too. */
static enum err name_is_usable(const char *name, struct err_detail *d) {
  size_t len = strlen(name);
  for (const char *p = name; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '/') {
      enum err e = err_set(d, ERR_INVALID, "name", (int)(p - name) + 1, "name must not hold %s",
                           *p == '/' ? "a slash" : "a control character");
      err_hint(d, "letters of any language, digits, spaces and - _ . : are good");
      return e;
    }
  if (name[0] == ' ' || (len > 0 && name[len - 1] == ' '))
    return err_set(d, ERR_INVALID, "name", 0, "name must not begin or end with a space");
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return err_set(d, ERR_INVALID, "name", 0, "name must not be \"%s\"", name);
  int64_t number;
  if (id_from_text(str_of(name), &number))
    return err_set(d, ERR_INVALID, "name", 0, "name must not look like an id");
  return ERR_OK;
}

enum err job_validate(const struct job *job, struct err_detail *d) {
  TRY(fields_validate(job_fields, job_field_count, job, d));
  TRY(must_be_json(job->params, "params", false, d));
  TRY(must_be_json(job->labels, "labels", false, d));
  TRY(channels_are_known(job->alert_channels, d));
  if (job->start_at_ms != FIELD_NULL && job->end_at_ms != FIELD_NULL && job->end_at_ms <= job->start_at_ms)
    return err_set(d, ERR_INVALID, "endAt", 0, "endAt must be after startAt");
  return job->name ? name_is_usable(job->name, d) : ERR_OK;
}

void job_to_json(const struct job *job, struct json_writer *w) {
  jw_object(w);
  fields_to_json(job_fields, job_field_count, job, w);
  jw_object_end(w);
}
