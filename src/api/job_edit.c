#include "api/job_edit.h"

#include "api/render.h"

static bool same_text(const char *a, const char *b) { return str_eq(str_of(a), str_of(b)); }

/* Does the job run with more than an editor could give it: another user, or programs that gain privileges? */
bool job_is_privileged(const struct job *job) { return job->run_as || job->no_new_privs == 0; }

/* Rights that depend on the definition itself: an editor may neither make a job critical nor choose its user
 * or let it gain privileges, nor say what is done with privileges that an admin gave (C-112, reliability 5.2). */
static enum err check_rights(struct call *c, const struct job *old, const struct job *draft) {
  if (c->who.role >= ROLE_ADMIN) return ERR_OK;
  bool stays_privileged = old && job_is_privileged(old) && job_is_privileged(draft);
  struct {
    const char *field;
    bool is_touched;
  } guarded[] = {
      {"critical", draft->critical == 1 && (!old || old->critical != 1)},
      {"runAs", draft->run_as && (!old || !same_text(old->run_as, draft->run_as))},
      {"noNewPrivs", draft->no_new_privs == 0 && (!old || old->no_new_privs != 0)},
      {"command", stays_privileged && !same_text(old->command, draft->command)},
      {"params", stays_privileged && !same_text(old->params, draft->params)},
  };
  for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
    if (guarded[i].is_touched)
      return err_set(&c->detail, ERR_FORBIDDEN, guarded[i].field, 0, "only an admin may set this%s",
                     i > 2 ? ": the job has a user or privileges of its own" : "");
  return ERR_OK;
}

enum err job_check(struct call *c, const struct job *old, const struct job *draft) {
  TRY(check_rights(c, old, draft));
  TRY(job_validate(draft, &c->detail));
  return engine_check_job(c->api->engine, draft, &c->detail);
}

static struct change *build(struct call *c, const struct job_save *save) {
  struct change *change = call_new_change(c, CHANGE_JOB_SAVE);
  if (!change) return NULL;
  struct arena *arena = &c->req->arena;
  change->job.job = job_copy(save->draft);
  change->job.if_updated_ms = save->if_updated_ms;
  change->job.job_no = save->old ? save->old->no : 0;
  change->job.keeps_anchor = save->old && str_eq(str_of(save->old->schedule), str_of(save->draft->schedule));
  const char *before = NULL, *after = NULL;
  if (save->old) render_job_diff(save->old, save->draft, &RENDER(c), &before, &after);
  else after = render_job_audit(save->draft, &RENDER(c));
  call_note(c, change, save->action, arena_printf(arena, "job:%s", save->draft->name), before, after);
  if (!change->job.job) {
    change_free(change);
    call_fail(c, ERR_NO_MEMORY);
    return NULL;
  }
  return change;
}

void job_save(struct call *c, const struct job_save *save) {
  enum err e = job_check(c, save->old, save->draft);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct change *change = build(c, save);
  if (!change) return;
  if (save->takes_precondition) call_edit_any(c, change, save->done);
  else call_edit(c, change, save->done);
}

void job_answer(struct call *c, const struct job *saved, int status) {
  struct arena *arena = &c->req->arena;
  c->etag = etag_of(arena, saved->updated_ms);
  if (status == 201) c->location = arena_printf(arena, "/api/cron/jobs/%s", saved->id);
  render_job(call_begin(c), saved, &RENDER(c));
  call_end(c, status);
}

void job_set_active(struct call *c, bool is_active, call_done_fn *done) {
  if ((c->job->is_active == 1) == is_active) {
    done(c, &(struct engine_answer){.error = ERR_OK});
    return;
  }
  struct job *draft = job_copy(c->job);
  if (!draft) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  draft->is_active = is_active;
  draft->disabled_reason = NULL;
  job_save(c, &(struct job_save){.old = c->job,
                                 .draft = draft,
                                 .action = is_active ? "job.enable" : "job.disable",
                                 .if_updated_ms = FIELD_NULL,
                                 .done = done});
  job_unref(draft);
}
