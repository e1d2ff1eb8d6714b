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

/* The deleted job of this id or name: of those that were ever called so, the one that was last. */
#define CALLED_MAX 16 /* of them, the newest, some may live and be called otherwise by now */

struct called {
  int64_t job_no, made_ms;
};

struct search {
  struct store_read *q;
  bool is_plain; /* names are written as they are in definitions, so that most need not be parsed */
  struct called found[CALLED_MAX]; /* newest first */
  size_t count;
  enum err error;
};

static bool is_plain(struct str s) {
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] < ' ' || s.ptr[i] > '~' || strchr("\"\\/", s.ptr[i])) return false;
  return true;
}

static bool may_be_called(const struct search *s, struct str definition) {
  if (!s->is_plain) return true;
  return (s->q->id.ptr && str_find(definition, s->q->id) != SIZE_MAX) ||
         (s->q->name.ptr && str_find(definition, s->q->name) != SIZE_MAX);
}

static bool is_called(const struct store_read *q, const struct job *job) {
  return (q->id.ptr && str_eq(str_of(job->id), q->id)) || (q->name.ptr && str_eq(str_of(job->name), q->name));
}

static void note_called(struct search *s, struct called c) {
  size_t at = 0;
  while (at < s->count && s->found[at].job_no != c.job_no) at++; /* its older version, if there is one */
  if (at == CALLED_MAX && s->found[--at].made_ms > c.made_ms) return;
  if (at == s->count) s->count++;
  for (; at > 0 && s->found[at - 1].made_ms <= c.made_ms; at--) s->found[at] = s->found[at - 1];
  s->found[at] = c;
}

static bool look(void *arg, const void *record) {
  struct search *s = arg;
  const struct version_row *row = record;
  if (!may_be_called(s, str_of(row->definition))) return true;
  struct arena scratch = arena_new(1024 * 1024);
  struct job *job = NULL;
  s->error = definition_of(row, &scratch, &job);
  if (s->error == ERR_OK && is_called(s->q, job)) note_called(s, (struct called){row->job_no, row->made_ms});
  job_unref(job);
  arena_free(&scratch);
  return s->error == ERR_OK;
}

/* 0: there is none. */
static enum err find_deleted(struct reader *r, struct store_read *q, int64_t *ret_no) {
  struct search s = {.q = q, .is_plain = is_plain(q->id) && is_plain(q->name)};
  *ret_no = 0;
  TRY(r->rows->ops->scan(r->rows, SCAN_VERSION_ALL, &SCAN_ALL, look, &s));
  TRY(s.error);
  for (size_t i = 0; i < s.count && *ret_no == 0; i++) {
    struct job job = {};
    enum err e = r->rows->ops->get(r->rows, TABLE_JOB, &s.found[i].job_no, &job, &q->arena);
    if (e == ERR_NOT_FOUND) *ret_no = s.found[i].job_no;
    else TRY(e);
  }
  return ERR_OK;
}

enum err reader_versions(struct reader *r, struct store_read *q) {
  int64_t no = q->no;
  if (!no) TRY(find_deleted(r, q, &no));
  if (!no) return err_set(&q->detail, ERR_NOT_FOUND, "job", 0, "there is no such job, and there was none");
  void **rows;
  size_t count, limit = q->limit == 0 || q->limit > LIMIT_PAGE ? LIMIT_PAGE : q->limit;
  struct scan_args args = {.key = no, .from = INT64_MIN, .to = q->after > 0 ? q->after - 1 : INT64_MAX};
  TRY(rows_collect(r->rows, SCAN_VERSION_JOB_DOWN, &args, limit + 1, &q->arena, &rows, &count));
  q->versions = ARENA_ARRAY(&q->arena, struct version_item, limit + 1);
  if (!q->versions) return arena_error(&q->arena);
  q->has_more = count > limit;
  for (size_t i = 0; i < count && q->count < limit; i++) TRY(add_version(q, rows[i]));
  return ERR_OK;
}
