/* What a job was: its versions, newest first. They outlive the job, so they also tell of one that is deleted. */
#include "store/keeper.h"

static enum err definition_of(const struct version_row *row, struct arena *a, struct job **ret) {
  struct job job;
  job_init(&job);
  TRY(record_from_text(job_fields, job_field_count, str_of(row->definition), &job, a));
  job.no = row->job_no;
  job.version = row->version;
  *ret = job_copy(&job);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

static enum err add_version(struct store_read *q, const struct version_row *row) {
  struct version_item *v = &q->versions[q->count];
  *v = (struct version_item){
      .made_ms = row->made_ms, .from_ms = row->from_ms, .to_ms = row->to_ms, .actor = row->actor};
  TRY(definition_of(row, &q->arena, &v->job));
  q->count++;
  return ERR_OK;
}

/* The deleted job of this id or name: the last one that was called so. */
struct search {
  struct reader *reader;
  struct store_read *q;
  int64_t no;
  enum err error;
};

static bool is_called(const struct store_read *q, const struct job *job) {
  return (q->id.ptr && str_eq(str_of(job->id), q->id)) || (q->name.ptr && str_eq(str_of(job->name), q->name));
}

static bool look(void *arg, const void *record) {
  struct search *s = arg;
  const struct version_row *row = record;
  struct arena scratch = arena_new(1024 * 1024);
  struct job *job = NULL;
  s->error = definition_of(row, &scratch, &job);
  if (s->error == ERR_OK && is_called(s->q, job) && row->job_no > s->no) s->no = row->job_no;
  job_unref(job);
  arena_free(&scratch);
  return s->error == ERR_OK;
}

enum err reader_versions(struct reader *r, struct store_read *q) {
  struct search s = {.reader = r, .q = q, .no = q->no};
  if (!s.no) TRY(r->rows->ops->scan(r->rows, SCAN_VERSION_FIRST, &SCAN_ALL, look, &s));
  TRY(s.error);
  if (!s.no) return err_set(&q->detail, ERR_NOT_FOUND, "job", 0, "there is no such job, and there was none");
  void **rows;
  size_t count, limit = q->limit == 0 || q->limit > LIMIT_PAGE ? LIMIT_PAGE : q->limit;
  struct scan_args args = {.key = s.no, .from = INT64_MIN, .to = q->after > 0 ? q->after - 1 : INT64_MAX};
  TRY(rows_collect(r->rows, SCAN_VERSION_JOB, &args, SIZE_MAX, &q->arena, &rows, &count));
  q->versions = ARENA_ARRAY(&q->arena, struct version_item, limit + 1);
  if (!q->versions) return arena_error(&q->arena);
  q->has_more = count > limit;
  for (size_t i = count; i > 0 && q->count < limit; i--) TRY(add_version(q, rows[i - 1]));
  return ERR_OK;
}
