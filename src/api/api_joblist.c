/* GET /api/cron/jobs/compact and /api/cron/filters: what pages show lists of jobs with. */
#include <stdlib.h>
#include <zlib.h>

#include "api/api_jobs.h"
#include "api/roster.h"
#include "base/map.h"
#include "time/schedule.h"

#define COMPACT_MAX 20000
#define COMPACT_ROW_BYTES 8192 /* labels, schedule and sentence at their longest, and the strip */
#define GZIP_FROM_BYTES 4096   /* below it compressing saves no packet */
#define GZIP_LEVEL 5

/* ---- asking ---- */

static const char *const lang_names[] = {"en", "es", NULL};
static const char *const sort_names[] = {"name", "state", "last", "took", "next", "category", NULL};

struct compact_query {
  const char *q;
  int64_t lang, sort, is_down, offset, limit;
};
SHAPE_OF(compact_query, "CompactJobsQuery", sizeof(struct compact_query),
         IN(struct compact_query, q, "q", TEXT, 0, 0, FILTER_BYTES_MAX, FIELD_NULL,
            "the filter language: status:failed tag:SYNC p95>30s next<10m name~shelly -tag:test word"),
         IN_ENUM(struct compact_query, lang, "lang", 0, SCHEDULE_LANG_EN, lang_names, "of the sentences"),
         IN_ENUM(struct compact_query, sort, "sort", 0, ROSTER_BY_NAME, sort_names, "order of the rows"),
         IN(struct compact_query, is_down, "down", BOOL, 0, 0, 1, 0, "the other way round"),
         IN(struct compact_query, offset, "offset", INT, 0, 0, 1LL << 31, 0, "first row, from 0"),
         IN(struct compact_query, limit, "limit", INT, 0, 0, COMPACT_MAX, 500, "rows"));
static const struct shape_part compact_answer_parts[] = {{"columns", NULL, PART_TEXTS},
                                                         {"rows", NULL, PART_LIST},
                                                         {"states", NULL, PART_OBJECT}};
SHAPE_PARTS(compact_answer, "CompactJobs", NULL, compact_answer_parts,
            OUT("at", INT, 0, "the server's clock, epoch milliseconds, as every instant in the rows"),
            OUT("total", INT, 0, "all jobs"), OUT("matched", INT, 0, "jobs that fit q"),
            OUT("offset", INT, 0, "of the first row"));

/* ---- rendering, on a work thread ---- */

struct sentence {
  char *text; /* NULL: the schedule cannot be read */
};

struct compact {
  struct call *call;
  struct roster_view *views;
  struct roster_row *rows; /* copies, with references to their cards */
  size_t count;
  enum schedule_lang lang;
  bool wants_gzip, is_gzip;
  struct buf head; /* what comes before the rows */
  struct buf out;
  struct tzdb *db;      /* the loop's is not ours; only CRON_TZ= asks it */
  struct map sentences; /* hash of schedule, dialect → struct sentence */
};

static char *explain(struct tzdb *db, const struct roster_card *c, enum schedule_lang lang, int64_t now_ms) {
  static const struct schedule_explain_options none = {};
  struct schedule_options options = SCHEDULE_OPTIONS_DEFAULT;
  struct schedule_explain_options how = none;
  struct schedule_explanation *x = calloc(1, sizeof *x);
  struct schedule *s = NULL;
  char *text = NULL;
  if (c->dialect != FIELD_NULL) options.dialect = (enum schedule_dialect)c->dialect;
  how.lang = lang;
  how.from_ms = now_ms;
  how.leaves_zone_out = true;
  if (x && schedule_compile(db, str_of(c->schedule), &options, &s, NULL) == ERR_OK &&
      schedule_explain(s, &how, x) == ERR_OK)
    text = str_dup(str_of(x->sentence));
  schedule_free(s);
  free(x);
  return text;
}

static const char *sentence_of(struct compact *k, const struct roster_view *v) {
  const struct roster_card *c = v->row->card;
  uint64_t key = hash_bytes(c->schedule, strlen(c->schedule), (uint64_t)c->dialect);
  struct sentence *s = map_get(&k->sentences, key);
  if (s) return s->text;
  s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->text = k->db ? explain(k->db, c, k->lang, v->now_ms) : NULL;
  if (map_put(&k->sentences, key, s) == ERR_OK) return s->text;
  free(s->text);
  free(s);
  return NULL;
}

static void free_sentences(struct compact *k) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&k->sentences, &i, &entry);) {
    struct sentence *s = entry.value;
    free(s->text);
    free(s);
  }
  map_free(&k->sentences);
}

/* *b becomes its gzip form; false: it stays as it is. */
static bool gzip(struct buf *b) {
  z_stream z = {};
  if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return false;
  size_t room = deflateBound(&z, b->len);
  struct buf packed = buf_new(room);
  char *to = buf_reserve(&packed, room);
  z.next_in = (unsigned char *)b->ptr;
  z.avail_in = (uInt)b->len;
  z.next_out = (unsigned char *)to;
  z.avail_out = (uInt)room;
  bool is_done = to && deflate(&z, Z_FINISH) == Z_STREAM_END;
  if (is_done) buf_used(&packed, room - z.avail_out);
  deflateEnd(&z);
  if (!is_done) {
    buf_free(&packed);
    return false;
  }
  buf_free(b);
  *b = packed;
  return true;
}

static void render(void *arg) {
  struct compact *k = arg;
  struct json_writer w = jw_new(&k->out);
  if (tzdb_new(NULL, &k->db) != ERR_OK) k->db = NULL;
  buf_add_str(&k->out, buf_str(&k->head));
  jw_array(&w);
  for (size_t i = 0; i < k->count; i++) roster_render(&w, &k->views[i], sentence_of(k, &k->views[i]));
  jw_array_end(&w);
  buf_add_char(&k->out, '}');
  if (k->wants_gzip && k->out.len >= GZIP_FROM_BYTES && buf_error(&k->out) == ERR_OK)
    k->is_gzip = gzip(&k->out);
}

static void compact_free(struct compact *k) {
  for (size_t i = 0; i < k->count; i++) roster_card_unref(k->rows[i].card);
  free_sentences(k);
  if (k->db) tzdb_free(k->db);
  buf_free(&k->head);
  buf_free(&k->out);
  free(k->rows);
  free(k->views);
  free(k);
}

static void rendered(void *arg) {
  struct compact *k = arg;
  struct call *c = k->call;
  call_begin(c);
  buf_free(&c->out);
  c->out = k->out;
  k->out = buf_new(1);
  http_header(c->req, "Vary", STR("Accept-Encoding"));
  if (k->is_gzip) http_header(c->req, "Content-Encoding", STR("gzip"));
  compact_free(k);
  call_end(c, 200);
}

/* The snapshot: from here on the roster may change. */
static struct compact *snapshot(struct call *c, const struct roster_view *views, size_t count) {
  struct compact *k = calloc(1, sizeof *k);
  if (!k) return NULL;
  *k = (struct compact){.call = c, .head = buf_new(65536), .out = buf_new(65536 + count * COMPACT_ROW_BYTES)};
  k->views = calloc(count + 1, sizeof *k->views);
  k->rows = calloc(count + 1, sizeof *k->rows);
  if (!k->views || !k->rows) {
    compact_free(k);
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    k->rows[i] = *views[i].row;
    roster_card_ref(k->rows[i].card);
    k->views[i] = views[i];
    k->views[i].row = &k->rows[i];
  }
  k->count = count;
  return k;
}

static void write_head(struct compact *k, const struct roster_found *f, size_t offset, int64_t now_ms) {
  struct json_writer w = jw_new(&k->head);
  jw_object(&w);
  jw_kint(&w, "at", now_ms);
  jw_kint(&w, "total", (int64_t)f->total);
  jw_kint(&w, "matched", (int64_t)f->matched);
  jw_kint(&w, "offset", (int64_t)offset);
  jw_key(&w, "states");
  jw_object(&w);
  for (int i = 0; i < JOB_STATUS_COUNT; i++)
    if (f->standings[i]) jw_kint(&w, job_status_text((enum job_status)i), (int64_t)f->standings[i]);
  jw_object_end(&w);
  jw_key(&w, "columns");
  jw_array(&w);
  for (size_t i = 0; roster_columns[i]; i++) jw_text(&w, roster_columns[i]);
  jw_array_end(&w);
  jw_key(&w, "rows");
}

static bool takes_gzip(const struct http_request *req) {
  struct str rest = http_request_header(req, "Accept-Encoding"), piece;
  while (str_split(&rest, ',', &piece)) {
    struct str one = str_trim(piece);
    if (str_starts(one, STR("gzip")) && str_find(one, STR("q=0")) == SIZE_MAX) return true;
  }
  return false;
}

static void answer_compact(struct call *c, const struct roster_found *f) {
  const struct compact_query *q = CALL_INPUT(c, struct compact_query);
  size_t offset = (size_t)q->offset < f->matched ? (size_t)q->offset : f->matched;
  struct compact *k = snapshot(c, f->views, f->count);
  if (!k) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  k->lang = (enum schedule_lang)q->lang;
  k->wants_gzip = takes_gzip(c->req);
  write_head(k, f, offset, call_now_ms(c));
  enum err e = work_submit(engine_work(c->api->engine), render, rendered, k);
  if (e == ERR_OK) return;
  compact_free(k);
  call_fail(c, e);
}

static void on_found(void *arg, enum err e, const struct roster_found *found) {
  struct call *c = arg;
  if (e == ERR_OK) answer_compact(c, found);
  else call_fail(c, e);
}

static void on_roster(void *arg, enum err e) {
  struct call *c = arg;
  const struct compact_query *q = CALL_INPUT(c, struct compact_query);
  struct roster_query wanted = {.sort = (enum roster_sort)q->sort,
                                .is_down = q->is_down == 1,
                                .offset = (size_t)q->offset,
                                .limit = (size_t)q->limit};
  if (e == ERR_OK)
    e = filter_parse(&filter_jobs, str_of(q->q), call_now_ms(c), &c->req->arena, &wanted.filter, &c->detail);
  if (e == ERR_OK) roster_find(c->api->roster, &wanted, on_found, c);
  else call_fail(c, e);
}

void jobs_compact(struct call *c) {
  const struct compact_query *q = CALL_INPUT(c, struct compact_query);
  bool is_plain = (!q->q || !q->q[0]) && q->sort == ROSTER_BY_NAME && q->is_down != 1;
  roster_want(c->api->roster, is_plain ? (size_t)(q->offset + q->limit) : SIZE_MAX, on_roster, c);
}

/* ---- what can be asked ---- */

static const struct shape_part filters_answer_parts[] = {{"lists", NULL, PART_LIST},
                                                         {"seen", NULL, PART_OBJECT}};
SHAPE_PARTS(filters_answer, "Filters", NULL, filters_answer_parts,
            OUT("about", TEXT, 0, "the grammar in a sentence"));

static void write_filters(void *arg, enum err e) {
  static const struct {
    const char *name;
    enum filter_jobs_key key;
  } seen[] = {{"cat", JOBS_KEY_CATEGORY},
              {"tag", JOBS_KEY_TAG},
              {"owner", JOBS_KEY_OWNER},
              {"cmd", JOBS_KEY_COMMAND},
              {"zone", JOBS_KEY_ZONE}};
  struct call *c = arg;
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(
      w, "about",
      "key:value, key~part, key>value; commas are or, - before a term is not, quotes hold spaces, words are "
      "searched for; key:none and key:any");
  jw_key(w, "lists");
  jw_array(w);
  for (size_t i = 0; filter_lists[i]; i++) filter_list_json(filter_lists[i], w);
  jw_array_end(w);
  jw_key(w, "seen");
  jw_object(w);
  for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
    jw_key(w, seen[i].name);
    roster_values_json(c->api->roster, seen[i].key, w);
  }
  jw_object_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

void filters_get(struct call *c) { roster_want(c->api->roster, SIZE_MAX, write_filters, c); }
