/* Saving jobs: one way for create, edit, enable and disable. */
#pragma once
#include "api/call.h"

/* The job that the request's body describes: a new one, or `old` as it shall become (PATCH: changed; PUT: replaced). An
 * edit's draft is one reference; given texts are in the arena, made whole by job_copy. Not checked yet. */
enum err job_draft_new(struct call *c, struct job *ret);
enum err job_draft_edit(struct call *c, const struct job *old, struct job **ret);
/* An id that a new job may get; NULL: no memory. */
const char *job_propose_id(struct call *c);
/* What the body's params and labels show masked gets the value that `old` has; refused where an editor would lead it
 * elsewhere by that, or where a mask stands for nothing. */
enum err job_restore_masked(struct call *c, const struct job *old);
/* The same of parameters for one run; *ret is their text in the arena. */
enum err job_restore_run_params(struct call *c, const struct job *job, json_t *given, const char **ret);
/* Parameters for this executor may not be masks. */
enum err job_check_masks(struct call *c, const json_t *params, struct str command);
/* The definition, and the caller's rights on it; old NULL: a new one. */
enum err job_check(struct call *c, const struct job *old, const struct job *draft);

/* `draft` is what it shall become (borrowed); `old` what it is, NULL to create. Checks the definition and the
 * rights on it, writes the audit note, saves, and calls done, or answers the error.
 * if_updated_ms FIELD_NULL: whatever it has become meanwhile. */
struct job_save {
  const struct job *old, *draft;
  const char *action; /* "job.update" */
  int64_t if_updated_ms;
  call_done_fn *done; /* gets errors ERR_PRECONDITION, too, when takes_precondition */
  bool takes_precondition;
};
void job_save(struct call *c, const struct job_save *save);
/* What it does is an admin's to say, since an admin chose its user or let it gain privileges. */
bool job_is_privileged(const struct job *job);
/* The answer of a saved job: object, ETag, and with 201 its Location. */
void job_answer(struct call *c, const struct job *saved, int status);
/* isActive on or off by whatever route; does nothing but call done when it is so already. */
void job_set_active(struct call *c, bool is_active, call_done_fn *done);
