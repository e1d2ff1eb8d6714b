#include "store/rows.h"

#include <pthread.h>
#include <stddef.h>

#include "base/map.h"

static struct table tables[TABLE_COUNT];
static struct scan scans[SCAN_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct field int_field(const char *name, size_t offset) {
  return (struct field){.name = name, .type = FIELD_INT, .flags = FIELD_NULLABLE, .offset = offset};
}

static void describe(enum table_id id, const char *name, size_t size, int keys) {
  tables[id] = (struct table){.name = name, .size = size, .keys = keys};
}

static void add_field(enum table_id id, struct field f) {
  ASSERT(tables[id].field_count < TABLE_FIELDS_MAX);
  tables[id].fields[tables[id].field_count++] = f;
  if (f.type == FIELD_TEXT || f.type == FIELD_JSON) tables[id].has_text = true;
}

static void add_fields(enum table_id id, const struct field *fields, size_t count) {
  for (size_t i = 0; i < count; i++) add_field(id, fields[i]);
}

static size_t field_named(enum table_id id, const char *name) {
  if (!name) return SIZE_MAX;
  for (size_t i = 0; i < tables[id].field_count; i++)
    if (str_eq(str_of(tables[id].fields[i].name), str_of(name))) return i;
  assert_fail("a scan names no column", __FILE__, __LINE__);
  return SIZE_MAX;
}

static void describe_all(void) {
#define TABLE(id, record, name_, keys_) \
  {                                     \
    enum table_id t = TABLE_##id;       \
    typedef struct record record_type;  \
    describe(t, name_, sizeof(record_type), keys_);
#define COLUMN(member, name_, type_)                   \
  add_field(t, (struct field){.name = name_,           \
                              .type = FIELD_##type_,   \
                              .flags = FIELD_NULLABLE, \
                              .offset = offsetof(record_type, member)});
#define TABLE_END(id, record) }
#include "store/rows.def"
  describe(TABLE_JOB, "CronJob", sizeof(struct job), 1);
  add_field(TABLE_JOB, int_field("no", offsetof(struct job, no)));
  add_field(TABLE_JOB, int_field("version", offsetof(struct job, version)));
  add_fields(TABLE_JOB, job_fields, job_field_count);
  describe(TABLE_RUN, "CronExecution", sizeof(struct run), 1);
  add_fields(TABLE_RUN, run_fields, run_field_count);
  add_field(TABLE_RUN, int_field("jobNo", offsetof(struct run, job_no)));
  describe(TABLE_SETTINGS, "CronSettings", sizeof(struct settings), 0);
  add_fields(TABLE_SETTINGS, settings_fields, settings_field_count);
#define SCAN(id_, table_, key_, range_, filter_, order_, tail_)                   \
  scans[SCAN_##id_] = (struct scan){.table = TABLE_##table_,                      \
                                    .key = field_named(TABLE_##table_, key_),     \
                                    .range = field_named(TABLE_##table_, range_), \
                                    .filter = FILTER_##filter_,                   \
                                    .order = ORDER_##order_,                      \
                                    .tail = tail_};
#include "store/rows.def"
}

const struct table *table_get(enum table_id id) {
  pthread_once(&once, describe_all);
  ASSERT((unsigned)id < TABLE_COUNT);
  return &tables[id];
}

const struct scan *scan_get(enum scan_id id) {
  pthread_once(&once, describe_all);
  ASSERT((unsigned)id < SCAN_COUNT);
  return &scans[id];
}

static bool is_in(const char *const *names, const char *column) {
  while (*names && strcmp(*names, column) != 0) names++;
  return *names != NULL;
}

bool run_find_leaves_out(const char *column) { return strcmp(column, "output") == 0; }

bool scan_leaves_out(enum scan_id id, const char *column) {
  static const char *const long_columns[] = {"output", "params", "result", NULL};
  static const char *const planned_by[] = {"no",       "schedule",  "isActive",  "category", "priority",
                                           "name",     "createdAt", "lastRunAt", "timezone", "critical",
                                           "dst",      "dialect",   "splay",     "startAt",  "endAt",
                                           "anchorAt", "seed",      NULL};
  switch (id) {
    case SCAN_RUN_JOB_LEAN: return is_in(long_columns, column);
    case SCAN_RUN_JOB_LIST: return run_find_leaves_out(column);
    case SCAN_JOB_PLAN: return !is_in(planned_by, column);
    default: return false;
  }
}

static int64_t number_of(enum table_id id, const struct field *f, const void *record) {
  if (id == TABLE_RUN && f->type == FIELD_TEXT) return ((const struct run *)record)->no;
  return field_int(f, record);
}

static bool has_reboot(const char *schedule) {
  struct str s = str_of(schedule);
  for (size_t i = 0; i + 7 <= s.len; i++)
    if (str_eq_nocase((struct str){s.ptr + i, 7}, STR("@reboot"))) return true;
  return false;
}

static bool passes(enum scan_filter filter, const char *text, const void *record) {
  const struct job *job = record;
  const struct run *run = record;
  switch (filter) {
    case FILTER_NONE: return true;
    case FILTER_PENDING: return ((const struct ledger_row *)record)->state == OCCURRENCE_PENDING;
    case FILTER_FIRST_VERSION: return ((const struct version_row *)record)->version == 1;
    case FILTER_NAME_AFTER: return strcmp(job->name, text) > 0;
    case FILTER_CATEGORY: return job->category && strcmp(job->category, text) == 0;
    case FILTER_REBOOT: return job->is_active && has_reboot(job->schedule);
    case FILTER_TEST: return job_is_test(job);
    case FILTER_OPEN: return run->status == RUN_QUEUED || run->status == RUN_RUNNING;
  }
  return false;
}

bool scan_matches(const struct scan *s, const struct scan_args *args, const void *record) {
  const struct table *t = table_get(s->table);
  if (s->key != SIZE_MAX && number_of(s->table, &t->fields[s->key], record) != args->key) return false;
  if (s->range != SIZE_MAX) {
    int64_t n = number_of(s->table, &t->fields[s->range], record);
    if (n == FIELD_NULL || n < args->from || n > args->to) return false;
  }
  return passes(s->filter, args->text, record);
}

void record_key(enum table_id id, const void *record, int64_t ret[TABLE_KEYS_MAX]) {
  const struct table *t = table_get(id);
  memset(ret, 0, sizeof(int64_t) * TABLE_KEYS_MAX);
  if (id == TABLE_RUN) {
    ret[0] = ((const struct run *)record)->no;
  } else if (id != TABLE_SETTINGS && t->keys == 0) {
    struct str text = str_of(field_text(&t->fields[0], record));
    ret[0] = (int64_t)hash_bytes(text.ptr, text.len, 0);
  } else {
    for (int i = 0; i < t->keys; i++) ret[i] = field_int(&t->fields[i], record);
  }
}

static bool is_text(const struct field *f) { return f->type == FIELD_TEXT || f->type == FIELD_JSON; }

void *record_copy(const struct table *t, const void *record, struct arena *a) {
  void *copy = arena_alloc(a, t->size);
  if (!copy) return NULL;
  memcpy(copy, record, t->size);
  for (size_t i = 0; i < t->field_count; i++) {
    const struct field *f = &t->fields[i];
    if (!is_text(f) || !field_text(f, record)) continue;
    char *text = arena_strdup(a, str_of(field_text(f, record)));
    if (!text) return NULL;
    field_set_text(f, copy, text);
  }
  return copy;
}

struct collecting {
  const struct table *table;
  struct arena *arena;
  void **items;
  size_t count, capacity, max;
  enum err error;
};

static bool collect(void *arg, const void *record) {
  struct collecting *c = arg;
  if (c->count == c->capacity) { /* old arrays stay in the arena: at most as much again */
    size_t capacity = c->capacity ? c->capacity * 2 : 16;
    void **bigger = ARENA_ARRAY(c->arena, void *, capacity);
    if (bigger && c->count) memcpy(bigger, c->items, c->count * sizeof *bigger);
    c->items = bigger;
    c->capacity = capacity;
  }
  void *copy = c->items ? record_copy(c->table, record, c->arena) : NULL;
  if (!copy) c->error = ERR_NO_MEMORY;
  if (copy) c->items[c->count++] = copy;
  return copy && c->count < c->max;
}

enum err rows_collect(struct rows *r, enum scan_id id, const struct scan_args *args, size_t max,
                      struct arena *a, void ***ret, size_t *ret_count) {
  struct collecting c = {.table = table_get(scan_get(id)->table), .arena = a, .max = max};
  if (max > 0) TRY(r->ops->scan(r, id, args, collect, &c));
  TRY(c.error);
  *ret = c.items;
  *ret_count = c.count;
  return ERR_OK;
}
