#include "app/engine_private.h"
#include "base/embedded.h"

static void on_saved(void *arg, const struct engine_answer *answer) {
  (void)arg;
  if (answer->error == ERR_OK) return;
  log_line(LOG_ERROR, "CronManager", "a predefined job could not be created",
           LF_TEXT("field", answer->detail.field), LF_TEXT("error", answer->detail.message));
}

static enum err seed_job(struct engine *e, const json_t *object, struct err_detail *detail) {
  struct change *c = change_new(CHANGE_JOB_SAVE, engine_now_ms(e));
  if (!c) return ERR_NO_MEMORY;
  struct job job;
  job_init(&job);
  enum err error =
      fields_from_json(job_fields, job_field_count, object, FIELD_CREATE, &job, &c->arena, detail);
  if (error == ERR_OK) error = engine_check_job(e, &job, detail);
  c->job.job = error == ERR_OK ? job_copy(&job) : NULL;
  if (error == ERR_OK && !c->job.job) error = ERR_NO_MEMORY;
  if (error != ERR_OK) {
    change_free(c);
    return error;
  }
  c->job.if_updated_ms = FIELD_NULL;
  c->audit = (struct audit_note){
      .actor = "system", .action = "job.seed", .object = arena_printf(&c->arena, "job:%s", job.name)};
  engine_edit(e, c, on_saved, NULL);
  return ERR_OK;
}

void engine_seed_jobs(struct engine *e) {
  struct err_detail detail = {};
  JSON_AUTO json_t *jobs = NULL;
  enum err error = json_parse(embedded_find("sql/seed/jobs.json"), &jobs, &detail);
  for (size_t i = 0; i < json_array_size(jobs) && error == ERR_OK; i++)
    error = seed_job(e, json_array_get(jobs, i), &detail);
  if (error != ERR_OK)
    log_line(LOG_ERROR, "CronManager", "the predefined jobs are not complete", LF_TEXT("field", detail.field),
             LF_TEXT("error", detail.message[0] ? detail.message : err_text(error)));
}
