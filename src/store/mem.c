/* The reference model: tables are sorted arrays in memory; a transaction keeps what it replaced and puts it
 * back. Plain on purpose; what it does is what every backend must do. */
#include <pthread.h>
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"

struct cell {
  int64_t key[TABLE_KEYS_MAX];
  void *record; /* one allocation with its texts */
};

struct mem_table {
  struct cell *cells;
  size_t count, capacity;
};

struct undo { /* a cell as it was; record NULL = it was not there */
  enum table_id table;
  struct cell cell;
};

struct mem_rows {
  struct rows rows;
  struct mem_table tables[TABLE_COUNT];
  struct undo *undo;
  size_t undo_count, undo_capacity, savepoint;
  bool is_open;
};

static struct mem_rows *mem_of(struct rows *r) { return (struct mem_rows *)r; }

static bool is_text(const struct field *f) { return f->type == FIELD_TEXT || f->type == FIELD_JSON; }

static void *keep_record(const struct table *t, const void *record) {
  size_t size = t->size;
  for (size_t i = 0; i < t->field_count; i++)
    if (is_text(&t->fields[i]) && field_text(&t->fields[i], record))
      size += strlen(field_text(&t->fields[i], record)) + 1;
  char *copy = malloc(size);
  if (!copy) return NULL;
  memcpy(copy, record, t->size);
  char *end = copy + t->size;
  for (size_t i = 0; i < t->field_count; i++) {
    const char *text = is_text(&t->fields[i]) ? field_text(&t->fields[i], record) : NULL;
    if (!text) continue;
    size_t n = strlen(text) + 1;
    memcpy(end, text, n);
    field_set_text(&t->fields[i], copy, end);
    end += n;
  }
  return copy;
}

static int compare(const int64_t *a, const int64_t *b) {
  for (int i = 0; i < TABLE_KEYS_MAX; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

/* Place of the key, or where it would go. */
static size_t place_of(const struct mem_table *t, const int64_t *key, bool *ret_found) {
  size_t low = 0, high = t->count;
  if (high > 0 && compare(t->cells[high - 1].key, key) < 0) low = high; /* mostly we append */
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (compare(t->cells[mid].key, key) < 0) low = mid + 1;
    else high = mid;
  }
  *ret_found = low < t->count && compare(t->cells[low].key, key) == 0;
  return low;
}

static enum err reserve_cell(struct mem_table *t) {
  if (t->count < t->capacity) return ERR_OK;
  size_t capacity = t->capacity ? t->capacity * 2 : 16;
  struct cell *bigger = realloc(t->cells, capacity * sizeof *bigger);
  if (!bigger) return ERR_NO_MEMORY;
  t->cells = bigger;
  t->capacity = capacity;
  return ERR_OK;
}

static enum err reserve_undo(struct mem_rows *m) {
  if (m->undo_count < m->undo_capacity) return ERR_OK;
  size_t capacity = m->undo_capacity ? m->undo_capacity * 2 : 64;
  struct undo *bigger = realloc(m->undo, capacity * sizeof *bigger);
  if (!bigger) return ERR_NO_MEMORY;
  m->undo = bigger;
  m->undo_capacity = capacity;
  return ERR_OK;
}

/* record NULL removes; what was there goes to *ret_old. Room has been reserved. */
static void set_cell(struct mem_table *t, const int64_t *key, void *record, void **ret_old) {
  bool found;
  size_t i = place_of(t, key, &found);
  *ret_old = found ? t->cells[i].record : NULL;
  if (found && record) {
    t->cells[i].record = record;
  } else if (found) {
    memmove(t->cells + i, t->cells + i + 1, (--t->count - i) * sizeof *t->cells);
  } else if (record) {
    memmove(t->cells + i + 1, t->cells + i, (t->count++ - i) * sizeof *t->cells);
    memcpy(t->cells[i].key, key, sizeof t->cells[i].key);
    t->cells[i].record = record;
  }
}

static enum err change_cell(struct mem_rows *m, enum table_id id, const int64_t *key, void *record) {
  ASSERT(m->is_open);
  if (reserve_undo(m) != ERR_OK || reserve_cell(&m->tables[id]) != ERR_OK) {
    free(record);
    return ERR_NO_MEMORY;
  }
  struct undo *u = &m->undo[m->undo_count++];
  u->table = id;
  memcpy(u->cell.key, key, sizeof u->cell.key);
  set_cell(&m->tables[id], key, record, &u->cell.record);
  return ERR_OK;
}

static void undo_to(struct mem_rows *m, size_t mark) {
  while (m->undo_count > mark) {
    struct undo *u = &m->undo[--m->undo_count];
    void *old;
    if (reserve_cell(&m->tables[u->table]) != ERR_OK) assert_fail("no memory to undo", __FILE__, __LINE__);
    set_cell(&m->tables[u->table], u->cell.key, u->cell.record, &old);
    free(old);
  }
}

static enum err mem_begin(struct rows *r) {
  ASSERT(!mem_of(r)->is_open);
  mem_of(r)->is_open = true;
  return ERR_OK;
}

static enum err mem_commit(struct rows *r) {
  struct mem_rows *m = mem_of(r);
  ASSERT(m->is_open);
  for (size_t i = 0; i < m->undo_count; i++) free(m->undo[i].cell.record);
  m->undo_count = 0;
  m->is_open = false;
  return ERR_OK;
}

static void mem_rollback(struct rows *r) {
  undo_to(mem_of(r), 0);
  mem_of(r)->is_open = false;
}

static enum err mem_savepoint(struct rows *r) {
  mem_of(r)->savepoint = mem_of(r)->undo_count;
  return ERR_OK;
}
static enum err mem_release(struct rows *r) {
  ASSERT(mem_of(r)->is_open);
  return ERR_OK;
}
static enum err mem_rollback_to(struct rows *r) {
  undo_to(mem_of(r), mem_of(r)->savepoint);
  return ERR_OK;
}

static enum err answer(enum table_id id, const void *record, void *ret, struct arena *a) {
  const struct table *t = table_get(id);
  void *copy = record_copy(t, record, a);
  if (!copy) return ERR_NO_MEMORY;
  memcpy(ret, copy, t->size);
  return ERR_OK;
}

static enum err mem_get(struct rows *r, enum table_id id, const int64_t *key, void *ret, struct arena *a) {
  int64_t padded[TABLE_KEYS_MAX] = {};
  const struct mem_table *t = &mem_of(r)->tables[id];
  int keys = id == TABLE_SETTINGS ? 0 : table_get(id)->keys;
  for (int i = 0; i < keys; i++) padded[i] = key[i];
  bool found;
  size_t i = place_of(t, padded, &found);
  return found ? answer(id, t->cells[i].record, ret, a) : ERR_NOT_FOUND;
}

static const void *find_text(const struct mem_table *t, enum table_id id, const char *field,
                             struct str text) {
  const struct field *f = field_find(table_get(id)->fields, table_get(id)->field_count, str_of(field));
  ASSERT(f && is_text(f));
  for (size_t i = 0; i < t->count; i++)
    if (str_eq(str_of(field_text(f, t->cells[i].record)), text)) return t->cells[i].record;
  return NULL;
}

static enum err mem_find(struct rows *r, enum table_id id, const char *field, struct str text, void *ret,
                         struct arena *a) {
  const void *found = find_text(&mem_of(r)->tables[id], id, field, text);
  return found ? answer(id, found, ret, a) : ERR_NOT_FOUND;
}

/* Another row with the same unique text (job and user names), or the same (job, due, attempt). */
static bool is_taken(const struct mem_rows *m, enum table_id id, const void *record, const int64_t *key) {
  const struct mem_table *t = &m->tables[id];
  const struct run *run = record;
  if (id != TABLE_JOB && id != TABLE_USER && (id != TABLE_RUN || run->due_ms == FIELD_NULL)) return false;
  for (size_t i = t->count; i-- > 0;) {
    if (compare(t->cells[i].key, key) == 0) continue;
    const struct run *other = t->cells[i].record;
    if (id == TABLE_RUN) {
      if (other->job_no == run->job_no && other->due_ms == run->due_ms && other->attempt == run->attempt)
        return true;
    } else if (strcmp(id == TABLE_JOB ? ((const struct job *)record)->name
                                      : ((const struct user_row *)record)->name,
                      id == TABLE_JOB ? ((const struct job *)t->cells[i].record)->name
                                      : ((const struct user_row *)t->cells[i].record)->name) == 0) {
      return true;
    }
  }
  return false;
}

static enum err mem_put(struct rows *r, enum table_id id, const void *record) {
  int64_t key[TABLE_KEYS_MAX];
  record_key(id, record, key);
  if (is_taken(mem_of(r), id, record, key)) return ERR_CONFLICT;
  void *copy = keep_record(table_get(id), record);
  if (!copy) return ERR_NO_MEMORY;
  return change_cell(mem_of(r), id, key, copy);
}

static enum err mem_del(struct rows *r, enum table_id id, const void *record) {
  struct mem_rows *m = mem_of(r);
  int64_t key[TABLE_KEYS_MAX];
  record_key(id, record, key);
  struct mem_table *runs = &m->tables[TABLE_RUN];
  for (size_t i = id == TABLE_JOB ? runs->count : 0; i-- > 0;) {
    if (((const struct run *)runs->cells[i].record)->job_no != key[0]) continue;
    int64_t run_key[TABLE_KEYS_MAX];
    memcpy(run_key, runs->cells[i].key, sizeof run_key);
    TRY(change_cell(m, TABLE_RUN, run_key, NULL));
  }
  return change_cell(m, id, key, NULL);
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const struct job *const *)a)->name, (*(const struct job *const *)b)->name);
}

static enum err scan_by_name(const struct mem_table *t, const struct scan *s, const struct scan_args *args,
                             rows_visit *fn, void *arg) {
  const void **jobs = calloc(t->count + 1, sizeof *jobs);
  if (!jobs) return ERR_NO_MEMORY;
  size_t n = 0;
  for (size_t i = 0; i < t->count; i++)
    if (scan_matches(s, args, t->cells[i].record)) jobs[n++] = t->cells[i].record;
  qsort(jobs, n, sizeof *jobs, by_name);
  for (size_t i = 0; i < n; i++)
    if (!fn(arg, jobs[i])) break;
  free(jobs);
  return ERR_OK;
}

/* Scans by the first key column start and end at it. */
static void bounds(const struct mem_table *t, const struct scan *s, const struct scan_args *args,
                   size_t *ret_low, size_t *ret_high) {
  *ret_low = 0;
  *ret_high = t->count;
  if (s->key != 0) return;
  bool found;
  int64_t low[TABLE_KEYS_MAX] = {args->key, INT64_MIN, INT64_MIN};
  int64_t high[TABLE_KEYS_MAX] = {args->key, INT64_MAX, INT64_MAX};
  if (s->range == 1 && table_get(s->table)->keys > 1) low[1] = args->from, high[1] = args->to;
  *ret_low = place_of(t, low, &found);
  size_t end = place_of(t, high, &found);
  *ret_high = found ? end + 1 : end;
}

static enum err mem_scan(struct rows *r, enum scan_id id, const struct scan_args *args, rows_visit *fn,
                         void *arg) {
  const struct scan *s = scan_get(id);
  const struct mem_table *t = &mem_of(r)->tables[s->table];
  if (s->order == ORDER_BY_NAME) return scan_by_name(t, s, args, fn, arg);
  size_t low, high;
  bounds(t, s, args, &low, &high);
  for (size_t n = low; n < high; n++) {
    const void *record = t->cells[s->order == ORDER_DOWN ? high - 1 - (n - low) : n].record;
    if (scan_matches(s, args, record) && !fn(arg, record)) break;
  }
  return ERR_OK;
}

static const void *peek(struct rows *r, enum table_id id, int64_t no) {
  bool found;
  int64_t key[TABLE_KEYS_MAX] = {no};
  size_t i = place_of(&mem_of(r)->tables[id], key, &found);
  return found ? mem_of(r)->tables[id].cells[i].record : NULL;
}

static enum err mem_run_status(struct rows *r, int64_t run_no, int64_t *ret) {
  const struct run *run = peek(r, TABLE_RUN, run_no);
  if (!run) return ERR_NOT_FOUND;
  *ret = run->status;
  return ERR_OK;
}

static enum err put_changed_job(struct rows *r, const struct job *job) {
  void *copy = keep_record(table_get(TABLE_JOB), job);
  int64_t key[TABLE_KEYS_MAX] = {job->no};
  return copy ? change_cell(mem_of(r), TABLE_JOB, key, copy) : ERR_NO_MEMORY;
}

static enum err mem_job_touch(struct rows *r, int64_t job_no, int64_t last_run_ms, int64_t next_run_ms) {
  const struct job *old = peek(r, TABLE_JOB, job_no);
  if (!old) return ERR_NOT_FOUND;
  struct job job;
  memcpy(&job, old, sizeof job);
  if (last_run_ms != FIELD_NULL) job.last_run_ms = last_run_ms;
  job.next_run_ms = next_run_ms;
  return put_changed_job(r, &job);
}

static enum err mem_job_failures(struct rows *r, int64_t job_no, int chain, int64_t *ret) {
  const struct job *old = peek(r, TABLE_JOB, job_no);
  if (!old) return ERR_NOT_FOUND;
  struct job job;
  memcpy(&job, old, sizeof job);
  int64_t before = job.failures == FIELD_NULL ? 0 : job.failures;
  if (chain != 0) job.failures = chain > 0 ? 0 : before + 1;
  *ret = job.failures == FIELD_NULL ? 0 : job.failures;
  return chain != 0 && job.failures != before ? put_changed_job(r, &job) : ERR_OK;
}

static enum err mem_run_update(struct rows *r, const struct run *run) { return mem_put(r, TABLE_RUN, run); }

static enum err mem_run_end(struct rows *r, const struct run *run, bool *ret_changed) {
  const struct run *old = peek(r, TABLE_RUN, run->no);
  *ret_changed = old && old->status == RUN_RUNNING && old->started_ms == run->started_ms;
  return *ret_changed ? mem_put(r, TABLE_RUN, run) : ERR_OK;
}

static const struct ledger_row *peek_ledger(struct rows *r, int64_t job_no, int64_t due_ms) {
  bool found;
  const struct mem_table *t = &mem_of(r)->tables[TABLE_LEDGER];
  size_t i = place_of(t, (int64_t[TABLE_KEYS_MAX]){job_no, due_ms}, &found);
  return found ? t->cells[i].record : NULL;
}

static enum err mem_ledger_add(struct rows *r, const struct ledger_row *row, bool *ret_added) {
  *ret_added = !peek_ledger(r, row->job_no, row->due_ms);
  return *ret_added ? mem_put(r, TABLE_LEDGER, row) : ERR_OK;
}

static enum err mem_ledger_ran(struct rows *r, const struct ledger_row *row, bool *ret_changed) {
  const struct ledger_row *old = peek_ledger(r, row->job_no, row->due_ms);
  bool is_old_news =
      old && old->state == OCCURRENCE_RAN &&
      (old->attempts > row->attempts || (old->attempts == row->attempts && row->reason == REASON_NONE));
  *ret_changed = old && !is_old_news;
  if (!*ret_changed) return ERR_OK;
  struct ledger_row changed = *old;
  changed.state = OCCURRENCE_RAN;
  changed.reason = row->reason;
  changed.attempts = row->attempts;
  return mem_put(r, TABLE_LEDGER, &changed);
}

static enum err mem_ledger_nth(struct rows *r, int64_t job_no, int64_t n, int64_t *ret_due_ms) {
  size_t low, high;
  struct scan_args args = {.key = job_no, .from = INT64_MIN, .to = INT64_MAX};
  const struct mem_table *t = &mem_of(r)->tables[TABLE_LEDGER];
  bounds(t, scan_get(SCAN_LEDGER_JOB), &args, &low, &high);
  if (n >= (int64_t)(high - low)) return ERR_NOT_FOUND;
  *ret_due_ms = t->cells[high - 1 - (size_t)n].key[1];
  return ERR_OK;
}

static enum err mem_count(struct rows *r, enum table_id t, int64_t *ret) {
  const struct mem_table *all = &mem_of(r)->tables[t];
  *ret = (int64_t)all->count;
  for (size_t i = 0; t == TABLE_JOB && i < all->count; i++) *ret -= job_is_test(all->cells[i].record);
  return ERR_OK;
}

static const struct rows_ops mem_ops = {
    .begin = mem_begin,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .savepoint = mem_savepoint,
    .release = mem_release,
    .rollback_to = mem_rollback_to,
    .get = mem_get,
    .find = mem_find,
    .put = mem_put,
    .del = mem_del,
    .scan = mem_scan,
    .run_status = mem_run_status,
    .job_touch = mem_job_touch,
    .job_failures = mem_job_failures,
    .run_update = mem_run_update,
    .run_end = mem_run_end,
    .ledger_add = mem_ledger_add,
    .ledger_ran = mem_ledger_ran,
    .ledger_nth = mem_ledger_nth,
    .job_list = rows_job_list,
    .job_upcoming = rows_job_upcoming,
    .figures = rows_figures,
    .run_strip = rows_run_strip,
    .run_find = rows_run_find,
    .run_nth = rows_run_nth,
    .run_since = rows_run_since,
    .job_facts = rows_job_facts,
    .count = mem_count,
};

/* ---- as a backend ---- */

struct mem_backend {
  struct store_backend backend;
  struct mem_rows rows;
  struct keeper keeper;
  struct reader_kept kept;
  char *zone_folder;
};

static struct mem_backend *backend_of(struct store_backend *b) { return (struct mem_backend *)b; }

static enum err mem_apply(struct store_backend *b, struct change *const *changes, size_t count) {
  return keeper_apply(&backend_of(b)->keeper, changes, count);
}

static enum err mem_read(struct store_backend *b, struct store_read *read) {
  struct reader r = {.rows = &backend_of(b)->rows.rows,
                     .zone_folder = backend_of(b)->zone_folder,
                     .kept = &backend_of(b)->kept};
  return reader_read(&r, read);
}

static int64_t mem_next_due_ms(struct store_backend *b) { return due_next_ms(&backend_of(b)->keeper.due); }

static enum err mem_refresh(struct store_backend *b, int64_t now_ms) {
  return keeper_refresh(&backend_of(b)->keeper, now_ms);
}

static enum err mem_touch(struct store_backend *b, int64_t now_ms, bool *ret_has_more) {
  return keeper_touch(&backend_of(b)->keeper, now_ms, ret_has_more);
}

static void free_rows(struct mem_rows *m) {
  undo_to(m, 0);
  for (int t = 0; t < TABLE_COUNT; t++) {
    for (size_t i = 0; i < m->tables[t].count; i++) free(m->tables[t].cells[i].record);
    free(m->tables[t].cells);
  }
  free(m->undo);
}

static void mem_close(struct store_backend *b) {
  struct mem_backend *m = backend_of(b);
  keeper_close(&m->keeper);
  free_rows(&m->rows);
  free(m->zone_folder);
  free(m);
}

static const struct store_backend_ops mem_backend_ops = {
    .name = "mem",
    .apply = mem_apply,
    .read = mem_read,
    .next_due_ms = mem_next_due_ms,
    .refresh = mem_refresh,
    .touch = mem_touch,
    .close = mem_close,
};

enum err store_mem_open(const struct store_config *config, struct store_backend **ret,
                        struct store_boot *ret_boot, struct err_detail *detail) {
  struct mem_backend *m = calloc(1, sizeof *m);
  if (!m) return ERR_NO_MEMORY;
  m->backend.ops = &mem_backend_ops;
  m->rows.rows.ops = &mem_ops;
  m->rows.rows.look_ups_max = ROWS_LOOK_UPS_MAX;
  m->zone_folder = config->zone_folder ? str_dup(str_of(config->zone_folder)) : NULL;
  enum err e = keeper_open(&m->keeper, &m->rows.rows, config, ret_boot, detail);
  if (e != ERR_OK) {
    free_rows(&m->rows);
    free(m->zone_folder);
    free(m);
    return e;
  }
  *ret = &m->backend;
  return ERR_OK;
}

enum err store_mem_reopen(struct store_backend *b, const struct store_config *config,
                          struct store_boot *ret_boot, struct err_detail *detail) {
  struct mem_backend *m = backend_of(b);
  ASSERT(b->ops == &mem_backend_ops);
  keeper_close(&m->keeper);
  return keeper_open(&m->keeper, &m->rows.rows, config, ret_boot, detail);
}
