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

static const char *in_language(const char *language, const char *english, const char *spanish) {
  return strcmp(language, "es") == 0 && spanish ? spanish : english;
}

static void write_texts(struct json_writer *w, const char *key, const char *const *texts) {
  jw_key(w, key);
  jw_array(w);
  for (const char *const *c = texts; *c; c++) jw_text(w, *c);
  jw_array_end(w);
}

static void write_param(struct json_writer *w, const struct executor_param *p, const char *language) {
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
  if (p->choices) write_texts(w, "choices", p->choices);
  if (p->shown) write_texts(w, "shown", p->shown);
  jw_ktext(w, "help", in_language(language, p->help, p->help_es));
  jw_object_end(w);
}

static void write_executor(struct json_writer *w, const struct executor *x, bool is_enabled,
                           const char *language) {
  jw_object(w);
  jw_ktext(w, "name", x->name);
  jw_ktext(w, "class", x->class_name);
  jw_ktext(w, "kind", "builtin");
  jw_ktext(w, "description", in_language(language, x->description, x->description_es));
  jw_kbool(w, "enabled", is_enabled);
  jw_key(w, "params");
  jw_array(w);
  for (const struct executor_param *p = x->params; p && p->name; p++) write_param(w, p, language);
  jw_array_end(w);
  jw_object_end(w);
}

void engine_executors_json(struct engine *e, const char *language, struct json_writer *w) {
  jw_array(w);
  bool is_shell_on = config_bool(e->config, CONFIG_EXECUTORS_SHELL);
  for (const struct executor *const *x = executors; *x; x++)
    write_executor(w, *x, strcmp((*x)->name, "shell") != 0 || is_shell_on, language);
  program_notes_write_json(e->program_notes, language, engine_tick_ms(e), w);
  jw_array_end(w);
}

struct mask_rules engine_mask_rules(struct engine *e, const char *command, bool is_surely,
                                    struct arena *arena) {
  return secret_rules(e->program_notes, command, is_surely, engine_tick_ms(e), arena);
}
