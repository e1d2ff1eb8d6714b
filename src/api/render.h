/* Rows as JSON, with secrets masked; and their shapes. */
#pragma once
#include "api/call.h"

extern const struct shape job_input_shape, job_answer_shape, job_row_shape, run_row_shape, settings_shape,
    occurrence_shape;

struct render { /* where texts are made, and who knows what is secret in them */
  struct engine *engine;
  struct arena *arena;
};
#define RENDER(c) ((struct render){(c)->api->engine, &(c)->req->arena})

/* One complete object: the job's fields, maxRetries (= retries, C-113), version, gate and lastExecution. */
void render_job_row(struct json_writer *w, const struct job_row *row, const struct render *r);
/* Without what only a row knows (answers of edits). */
void render_job(struct json_writer *w, const struct job *job, const struct render *r);
/* One complete object. Lists come without output. */
void render_run_row(struct json_writer *w, const struct run_row *row, bool with_output,
                    const struct render *r);
void render_name_run(struct run_row *row,
                     const struct job *job); /* what a run's row shows of its job; borrowed */
void render_settings(struct json_writer *w, const struct settings *s);
/* {"data":[…],"nextCursor":…}: open, write the items, close. */
void render_page_begin(struct json_writer *w);
void render_page_end(struct json_writer *w, const char *next_cursor);

/* For the audit log: the whole record, or only the fields that differ; masked; in the arena. */
const char *render_job_audit(const struct job *job, const struct render *r);
void render_job_diff(const struct job *old, const struct job *new, const struct render *r,
                     const char **ret_before, const char **ret_after);
void render_settings_diff(const struct settings *old, const struct settings *new, struct arena *arena,
                          const char **ret_before, const char **ret_after);
/* before or after of an audit row: what an older server wrote there, or one that knew of fewer secrets, is masked, too.
 * NULL becomes null. */
void render_audit_text(struct json_writer *w, const char *key, const char *json, const struct render *r);
