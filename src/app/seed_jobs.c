#include <stdlib.h>

#include "app/engine_private.h"
#include "base/embedded.h"

#define SEEDS_MAX 64
#define AUDIT_PAGE 1000

/* Each predefined job is created once in the life of a store: a store that is older than one gets it at its next
 * start, and what a person deleted or renamed stays so. What was ever there stands in the audit log. */
struct seeding {
  struct engine *engine;
  json_t *jobs;
  size_t asked;
  bool is_known[SEEDS_MAX];
};

static void seeding_free(struct seeding *s) {
  s->engine->seeding = NULL;
  json_decref(s->jobs);
  free(s);
}

void engine_seed_stop(struct engine *e) {
  if (e->seeding) seeding_free(e->seeding);
}

static const char *name_of(const struct seeding *s, size_t i) {
  return json_text_at(json_array_get(s->jobs, i), "name").ptr;
}

/* ---- creating ---- */

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

static void create_unknown(struct seeding *s) {
  for (size_t i = 0; i < json_array_size(s->jobs); i++) {
    struct err_detail detail = {};
    if (s->is_known[i]) continue;
    enum err e = seed_job(s->engine, json_array_get(s->jobs, i), &detail);
    if (e == ERR_OK) continue;
    log_line(LOG_ERROR, "CronManager", "a predefined job could not be created", LF_TEXT("job", name_of(s, i)),
             LF_TEXT("field", detail.field),
             LF_TEXT("error", detail.message[0] ? detail.message : err_text(e)));
  }
  seeding_free(s);
}

/* ---- which were there before? ---- */

static bool is_any_unknown(const struct seeding *s) {
  for (size_t i = 0; i < json_array_size(s->jobs); i++)
    if (!s->is_known[i]) return true;
  return false;
}

static void give_up(struct seeding *s, const struct store_read *read) {
  log_line(LOG_ERROR, "CronManager", "whether predefined jobs are missing could not be read",
           LF_TEXT("error", read->detail.message));
  seeding_free(s);
}

static void ask_audit(struct seeding *s, int64_t after);

static void note_object(struct seeding *s, const char *object) {
  if (!object || strncmp(object, "job:", 4) != 0) return;
  for (size_t i = 0; i < json_array_size(s->jobs); i++)
    s->is_known[i] |= strcmp(object + 4, name_of(s, i)) == 0;
}

static void on_audit(void *arg, struct store_read *read) {
  struct seeding *s = arg;
  if (read->error != ERR_OK) return give_up(s, read);
  for (size_t i = 0; i < read->count; i++) note_object(s, read->audit_rows[i].note.object);
  if (read->has_more && read->count && is_any_unknown(s)) ask_audit(s, read->audit_rows[read->count - 1].seq);
  else create_unknown(s);
}

static void ask_audit(struct seeding *s, int64_t after) {
  struct store_read *read = store_read_new(READ_AUDIT_LOG, engine_now_ms(s->engine));
  if (!read) return seeding_free(s);
  read->after = after;
  read->limit = AUDIT_PAGE;
  engine_read(s->engine, read, on_audit, s);
}

static void ask_next_job(struct seeding *s);

static void on_job(void *arg, struct store_read *read) {
  struct seeding *s = arg;
  if (read->error != ERR_OK && read->error != ERR_NOT_FOUND) return give_up(s, read);
  s->is_known[s->asked++] = read->error == ERR_OK;
  ask_next_job(s);
}

static void ask_next_job(struct seeding *s) {
  if (s->asked == json_array_size(s->jobs)) {
    if (is_any_unknown(s)) ask_audit(s, 0);
    else seeding_free(s);
    return;
  }
  struct store_read *read = store_read_new(READ_JOB, engine_now_ms(s->engine));
  if (!read) return seeding_free(s);
  read->name = str_of(name_of(s, s->asked));
  engine_read(s->engine, read, on_job, s);
}

/* A build may lack an executor; its job comes with the build that has it. */
static void leave_out_what_this_build_has_not(json_t *jobs) {
  for (size_t i = json_array_size(jobs); i-- > 0;)
    if (!executor_find(json_text_at(json_array_get(jobs, i), "command"))) (void)json_array_remove(jobs, i);
}

void engine_seed_jobs(struct engine *e, bool is_fresh) {
  struct seeding *s = calloc(1, sizeof *s);
  struct err_detail detail = {};
  if (!s) return;
  s->engine = e;
  e->seeding = s;
  enum err error = json_parse(embedded_find("sql/seed/jobs.json"), &s->jobs, &detail);
  ASSERT(error == ERR_OK && json_array_size(s->jobs) <= SEEDS_MAX);
  leave_out_what_this_build_has_not(s->jobs);
  if (is_fresh) create_unknown(s);
  else ask_next_job(s);
}
