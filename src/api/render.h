/* Rows as JSON, with secrets masked; and their shapes. */
#pragma once
#include "api/call.h"

extern const struct shape job_input_shape, job_answer_shape, job_row_shape, run_row_shape, settings_shape,
    occurrence_shape;

/* One complete object: the job's fields, maxRetries (= retries, C-113), version, gate and lastExecution. */
void render_job_row(struct json_writer *w, const struct job_row *row, struct arena *arena);
/* Without what only a row knows (answers of edits). */
void render_job(struct json_writer *w, const struct job *job, struct arena *arena);
/* One complete object. Lists come without output. */
void render_run_row(struct json_writer *w, const struct run_row *row, bool with_output, struct arena *arena);
void render_settings(struct json_writer *w, const struct settings *s);
/* {"data":[…],"nextCursor":…}: open, write the items, close. */
void render_page_begin(struct json_writer *w);
void render_page_end(struct json_writer *w, const char *next_cursor);

/* For the audit log: the whole record, or only the fields that differ; masked; in the arena. */
const char *render_job_audit(const struct job *job, struct arena *arena);
void render_job_diff(const struct job *old, const struct job *new, struct arena *arena,
                     const char **ret_before, const char **ret_after);
void render_settings_diff(const struct settings *old, const struct settings *new, struct arena *arena,
                          const char **ret_before, const char **ret_after);
