#include <stdio.h>
#include <string.h>

#include "app/engine_private.h"
#include "base/id.h"
#include "model/policy.h"
#include "time/schedule.h"

struct launch_world engine_launch_world(const struct engine *e) {
  return (struct launch_world){
      .programs = &e->programs,
      .is_shell_on = config_bool(e->config, CONFIG_EXECUTORS_SHELL),
      .path = config_text(e->config, CONFIG_EXECUTORS_PATH),
      .home = e->home,
      .user = e->user,
      .http_allow = config_text(e->config, CONFIG_EXECUTORS_HTTP_ALLOW),
      .temp_roots = config_text(e->config, CONFIG_EXECUTORS_TEMP_ROOTS),
      .folder = e->folder,
  };
}

/* The schedule's parts have names of their own (minute, dayOfMonth): people look for the job's field. */
static void name_schedule_field(struct err_detail *detail) {
  if (!detail || strcmp(detail->field, "schedule") == 0 || strcmp(detail->field, "timezone") == 0) return;
  char message[ERR_TEXT_MAX];
  snprintf(message, sizeof message, "%.60s: %.180s", detail->field, detail->message);
  str_copy(detail->message, sizeof detail->message, str_of(message));
  str_copy(detail->field, sizeof detail->field, STR("schedule"));
}

static enum err check_schedule(struct engine *e, const struct job *job, struct err_detail *detail) {
  struct schedule_options options = job_schedule_options(job, e->settings->timezone);
  struct schedule *schedule = NULL;
  enum err error = schedule_compile(e->tzdb, str_of(job->schedule), &options, &schedule, detail);
  if (error != ERR_OK) {
    name_schedule_field(detail);
    return error;
  }
  schedule_free(schedule);
  return ERR_OK;
}

enum err engine_check_job(struct engine *e, const struct job *job, struct err_detail *detail) {
  TRY(job_validate(job, detail));
  TRY(check_schedule(e, job, detail));
  struct launch_world world = engine_launch_world(e);
  struct launch_choice choice;
  TRY(launch_choose(&world, job->command, &choice, detail));
  return launch_check_params(&choice, job->params, detail);
}

static const char *param_type_text(enum param_type type) {
  static const char *const names[] = {"text", "integer", "number", "boolean", "list of text", "object"};
  return names[type];
}

static void write_param(struct json_writer *w, const struct executor_param *p) {
  jw_object(w);
  jw_ktext(w, "name", p->name);
  jw_ktext(w, "type", param_type_text(p->type));
  jw_kbool(w, "required", p->is_required);
  jw_kbool(w, "secret", p->is_secret);
  if (p->min != 0 || p->max != 0) {
    jw_kreal(w, "min", p->min);
    jw_kreal(w, "max", p->max);
  }
  if (p->default_json) {
    jw_key(w, "default");
    jw_raw(w, str_of(p->default_json));
  }
  if (p->choices) {
    jw_key(w, "choices");
    jw_array(w);
    for (const char *const *c = p->choices; *c; c++) jw_text(w, *c);
    jw_array_end(w);
  }
  jw_ktext(w, "help", p->help);
  jw_object_end(w);
}

static void write_executor(struct json_writer *w, const struct executor *x, bool is_enabled) {
  jw_object(w);
  jw_ktext(w, "name", x->name);
  jw_ktext(w, "class", x->class_name);
  jw_ktext(w, "kind", "builtin");
  jw_ktext(w, "description", x->description);
  jw_kbool(w, "enabled", is_enabled);
  jw_key(w, "params");
  jw_array(w);
  for (const struct executor_param *p = x->params; p && p->name; p++) write_param(w, p);
  jw_array_end(w);
  jw_object_end(w);
}

void engine_executors_json(struct engine *e, struct json_writer *w) {
  jw_array(w);
  bool is_shell_on = config_bool(e->config, CONFIG_EXECUTORS_SHELL);
  for (const struct executor *const *x = executors; *x; x++)
    write_executor(w, *x, strcmp((*x)->name, "shell") != 0 || is_shell_on);
  programs_write_json(&e->programs, w);
  jw_array_end(w);
}
