#include "api/api_output.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/output_cache.h"
#include "api/output_text.h"
#include "warden/spool.h"

#define SEARCH_TEXT_BYTES_MAX 200
#define MATCH_SHOWN_BYTES 2000
#define LINES_DEFAULT 500
#define MATCHES_DEFAULT 1000

struct output_query {
  int64_t first, last, tail;
};
SHAPE_OF(output_query, "OutputQuery", sizeof(struct output_query),
         IN(struct output_query, first, "from", INT, 0, 1, 1LL << 40, 0, "first line, from 1"),
         IN(struct output_query, last, "to", INT, 0, 1, 1LL << 40, 0, "last line"),
         IN(struct output_query, tail, "tail", INT, 0, 1, 1LL << 40, 0, "only so many lines at the end"));

struct lines_query {
  int64_t from, count;
};
SHAPE_OF(output_lines_query, "OutputLinesQuery", sizeof(struct lines_query),
         IN(struct lines_query, from, "from", INT, 0, 1, 1LL << 40, 1, "first line, from 1"),
         IN(struct lines_query, count, "count", INT, 0, 1, OUTPUT_LINES_MAX, LINES_DEFAULT,
            "at most; fewer come when they are long"));

struct search_query {
  const char *text;
  int64_t errors, after, limit, texts;
};
SHAPE_OF(output_search_query, "OutputSearchQuery", sizeof(struct search_query),
         IN(struct search_query, text, "text", TEXT, 0, 1, SEARCH_TEXT_BYTES_MAX, FIELD_NULL,
            "plain text, whatever the case"),
         IN(struct search_query, errors, "errors", BOOL, 0, 0, 1, 0, "only lines that look like errors"),
         IN(struct search_query, after, "after", INT, 0, 0, 1LL << 40, 0, "only lines after this one"),
         IN(struct search_query, limit, "limit", INT, 0, 1, OUTPUT_MATCHES_MAX, MATCHES_DEFAULT, "matches"),
         IN(struct search_query, texts, "texts", BOOL, 0, 0, 1, 0,
            "with the text of each line, cut at 2,000 bytes"));

/* ---- answers ---- */

static const struct shape_part index_parts[] = {{"buckets", NULL, PART_LIST}};
SHAPE_PARTS(
    output_index, "OutputIndex", NULL, index_parts, OUT("lines", INT, 0, "that can be read now"),
    OUT("bytes", INT, 0, "that can be read now; live pieces of this offset follow"),
    OUT("isLive", BOOL, 0, "the run has not ended"), OUT("isOpen", BOOL, 0, "the last line has no end yet"),
    OUT("source", TEXT, 0, "spool: all that is kept; row: head and tail, the spool is gone; none"),
    OUT("isCut", BOOL, 0, "something was left out; of a living run: it goes on behind what can be read"),
    OUT("cutLine", INT, FIELD_NULLABLE, "the line that tells of it, once it has ended"),
    OUT("writtenBytes", INT, FIELD_NULLABLE, "all that the run has printed"),
    OUT("hasTimes", BOOL, 0, "lines come with the time when they were printed"),
    OUT("errors", INT, 0, "lines that look like errors"), OUT("firstError", INT, FIELD_NULLABLE, "its line"),
    OUT("lastError", INT, FIELD_NULLABLE, "its line"),
    OUT("bucketLines", INT, 0, "buckets: errors in each so many lines"));
SHAPE_OF(shown_line, "OutputLine", 0, OUT("line", INT, 0, "from 1"),
         OUT("text", TEXT, 0, "cut at 16,384 bytes; control characters are as they were printed"),
         OUT("bytes", INT, 0, "of the whole line"),
         OUT("ms", INT, FIELD_NULLABLE, "after the start of the run"),
         OUT("looksWrong", BOOL, 0, "like an error"));
static const struct shape_part page_parts[] = {{"data", &shown_line_shape, PART_LIST}};
SHAPE_PARTS(output_page, "OutputLines", NULL, page_parts, OUT("lines", INT, 0, "of the whole output"),
            OUT("bytes", INT, 0, "of the whole output"));
static const struct shape_part matches_parts[] = {{"data", &shown_line_shape, PART_LIST}};
SHAPE_PARTS(output_matches, "OutputMatches", NULL, matches_parts,
            OUT("next", INT, FIELD_NULLABLE, "go on with after = next; null: the whole output was searched"),
            OUT("lines", INT, 0, "of the whole output"));

/* ---- the work: opens, indexes, reads, writes the answer ---- */

struct output_work;
typedef enum err output_make_fn(struct output_work *w, struct json_writer *json);

struct output_work {
  struct call *call;
  output_make_fn *make; /* NULL: the text itself */
  bool needs_index;
  bool is_final;
  struct str row_text; /* borrowed from the call */
  int64_t run_no;
  char path[4096], time_path[4096];
  struct kept_index *before;
  struct output_index *made; /* owned until it is put into the cache */
  const struct output_index *index;
  struct output_source source;
  struct output_times times;
  struct buf out;
  int64_t start_at, end_at; /* of the lines that the text is asked for */
  enum err error;
};

static bool is_up_to_date(const struct output_work *w, const struct output_index *i) {
  return i->is_final == w->source.is_final && i->bytes == w->source.bytes;
}

static enum err make_index(struct output_work *w) {
  const struct output_index *before = w->before ? w->before->index : NULL;
  w->index = before;
  if (before && is_up_to_date(w, before)) return ERR_OK;
  TRY(output_index_new(&w->source, before, &w->made));
  w->made->run_no = w->run_no;
  w->index = w->made;
  return ERR_OK;
}

static enum err find_lines(struct output_work *w) {
  const struct output_query *q = CALL_INPUT(w->call, struct output_query);
  struct output_span span = output_lines_wanted(output_line_count(w->index), q->first, q->last, q->tail);
  TRY(output_line_offset(&w->source, w->index, span.from, &w->start_at));
  return output_line_offset(&w->source, w->index, span.end, &w->end_at);
}

static void work(void *arg) {
  struct output_work *w = arg;
  w->source = output_open(w->path[0] ? w->path : NULL, w->row_text, w->is_final);
  if (w->needs_index) w->error = make_index(w);
  if (w->error == ERR_OK && w->needs_index && !w->make) w->error = find_lines(w);
  if (w->error != ERR_OK || !w->make) return;
  if (w->source.fd >= 0) w->times = output_times_read(w->time_path, w->source.bytes);
  w->out = buf_new(LIMIT_ANSWER_BYTES);
  struct json_writer json = jw_new(&w->out);
  w->error = w->make(w, &json);
  if (w->error == ERR_OK) w->error = buf_error(&w->out);
}

static void output_work_done(struct output_work *w) {
  if (w->made && w->error == ERR_OK && w->source.fd >= 0) output_cache_put(w->call->api->outputs, w->made);
  else output_index_free(w->made);
  output_cache_give(w->before);
  output_close(&w->source);
  output_times_free(&w->times);
  buf_free(&w->out);
  free(w);
}

static void answer_json(void *arg) {
  struct output_work *w = arg;
  struct call *c = w->call;
  enum err e = w->error;
  if (e == ERR_OK) {
    buf_free(&c->out);
    c->out = w->out;
    w->out = (struct buf){};
  }
  output_work_done(w);
  if (e == ERR_OK) call_end_text(c, 200, API_JSON);
  else call_fail(c, e);
}

static struct output_work *output_work_new(struct call *c, output_make_fn *make) {
  struct output_work *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  const struct run *run = &c->run.run;
  *w = (struct output_work){.call = c,
                            .make = make,
                            .needs_index = true,
                            .is_final = run_is_final((enum run_status)run->status),
                            .row_text = run->output ? str_of(run->output) : STR(""),
                            .run_no = run->no,
                            .source = {.fd = -1}};
  if (!engine_spool_path(c->api->engine, run->no, w->path, sizeof w->path)) w->path[0] = '\0';
  const char *name = strrchr(w->path, '/');
  if (name)
    (void)snprintf(w->time_path, sizeof w->time_path, "%.*s/%s", (int)(name - w->path), w->path,
                   spool_time_name(run->no).text);
  w->before = output_cache_take(c->api->outputs, run->no);
  return w;
}

static void start(struct call *c, struct output_work *w, void (*done)(void *arg)) {
  enum err e = w ? work_submit(engine_work(c->api->engine), work, done, w) : ERR_NO_MEMORY;
  if (e == ERR_OK) return;
  if (w) output_work_done(w);
  call_fail(c, e);
}

/* ---- what a view needs first ---- */

static const char *source_name(const struct output_work *w) {
  if (w->source.fd >= 0) return "spool";
  return w->source.bytes ? "row" : "none";
}

static void number_or_null(struct json_writer *json, const char *key, int64_t value, int64_t none) {
  jw_key(json, key);
  if (value == none) jw_null(json);
  else jw_int(json, value);
}

static void write_buckets(struct json_writer *json, const struct output_index *i) {
  uint32_t buckets[OUTPUT_BUCKETS_MAX];
  int64_t lines;
  size_t count = output_buckets(i, buckets, &lines);
  jw_kint(json, "bucketLines", lines);
  jw_key(json, "buckets");
  jw_array(json);
  for (size_t n = 0; n < count; n++) jw_int(json, buckets[n]);
  jw_array_end(json);
}

static enum err make_overview(struct output_work *w, struct json_writer *json) {
  const struct output_index *i = w->index;
  const struct run *run = &w->call->run.run; /* not touched by the loop while we work */
  bool is_cut = w->source.has_more || (run->output_truncated == 1 && i->gap_line > 0);
  jw_object(json);
  jw_kint(json, "lines", output_line_count(i));
  jw_kint(json, "bytes", i->bytes);
  jw_kbool(json, "isLive", !w->is_final);
  jw_kbool(json, "isOpen", i->through < i->bytes);
  jw_ktext(json, "source", source_name(w));
  jw_kbool(json, "isCut", is_cut);
  number_or_null(json, "cutLine", is_cut && w->is_final ? i->gap_line : 0, 0);
  number_or_null(json, "writtenBytes", run->output_bytes, FIELD_NULL);
  jw_kbool(json, "hasTimes", w->times.count > 0);
  jw_kint(json, "errors", i->errors);
  number_or_null(json, "firstError", i->first_error, 0);
  number_or_null(json, "lastError", i->last_error, 0);
  write_buckets(json, i);
  jw_object_end(json);
  return ERR_OK;
}

void run_output_index(struct call *c) { start(c, output_work_new(c, make_overview), answer_json); }

/* ---- lines ---- */

struct line_writing {
  struct output_work *work;
  struct json_writer *json;
  size_t text_max, bytes;
  int64_t left;
};

static struct str cut_text(struct str text, size_t max) {
  if (text.len <= max) return text;
  while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80) max--;
  return (struct str){text.ptr, max};
}

static void write_line(struct line_writing *l, int64_t number, const struct output_line *line) {
  struct str text = cut_text(line->text, l->text_max);
  jw_object(l->json);
  jw_kint(l->json, "line", number);
  jw_kstr(l->json, "text", text.ptr ? text : STR(""));
  jw_kint(l->json, "bytes", line->bytes);
  number_or_null(l->json, "ms", output_time_at(&l->work->times, line->offset), -1);
  jw_kbool(l->json, "looksWrong", output_looks_wrong(line->text));
  jw_object_end(l->json);
  l->bytes += text.len;
}

static bool write_page_line(void *arg, int64_t number, const struct output_line *line) {
  struct line_writing *l = arg;
  write_line(l, number, line);
  return --l->left > 0 && l->bytes < OUTPUT_PAGE_BYTES;
}

static enum err make_page(struct output_work *w, struct json_writer *json) {
  const struct lines_query *q = CALL_INPUT(w->call, struct lines_query);
  struct line_writing l = {.work = w, .json = json, .text_max = OUTPUT_LINE_SHOWN_BYTES, .left = q->count};
  jw_object(json);
  jw_kint(json, "lines", output_line_count(w->index));
  jw_kint(json, "bytes", w->index->bytes);
  jw_key(json, "data");
  jw_array(json);
  enum err e = output_each_line(&w->source, w->index, q->from, write_page_line, &l);
  jw_array_end(json);
  jw_object_end(json);
  return e;
}

void run_output_lines(struct call *c) { start(c, output_work_new(c, make_page), answer_json); }

/* ---- search ---- */

static bool write_match(void *arg, int64_t number, const struct output_line *line) {
  struct line_writing *l = arg;
  write_line(l, number, line);
  return l->bytes < OUTPUT_PAGE_BYTES;
}

static enum err make_matches(struct output_work *w, struct json_writer *json) {
  const struct search_query *q = CALL_INPUT(w->call, struct search_query);
  BUF_AUTO struct buf text = buf_new(SEARCH_TEXT_BYTES_MAX + 1);
  if (q->text) output_fold(str_of(q->text), &text);
  struct line_writing l = {.work = w, .json = json, .text_max = q->texts ? MATCH_SHOWN_BYTES : 0};
  struct output_search search = {.text = buf_str(&text),
                                 .only_errors = q->errors != 0,
                                 .after = q->after,
                                 .limit = (size_t)q->limit,
                                 .fn = write_match,
                                 .arg = &l};
  int64_t next = 0;
  jw_object(json);
  jw_key(json, "data");
  jw_array(json);
  enum err e = output_search(&w->source, w->index, &search, &next);
  jw_array_end(json);
  number_or_null(json, "next", next, 0);
  jw_kint(json, "lines", output_line_count(w->index));
  jw_object_end(json);
  return e;
}

void run_output_search(struct call *c) {
  const struct search_query *q = CALL_INPUT(c, struct search_query);
  if (!q->text && !q->errors) {
    call_refuse(c, ERR_INVALID, "text", "say what to look for: text=…, or errors=true");
    return;
  }
  start(c, output_work_new(c, make_matches), answer_json);
}

/* ---- the text ---- */

int range_parse(struct str header, uint64_t size, uint64_t *ret_start, uint64_t *ret_length) {
  *ret_start = 0;
  *ret_length = size;
  if (!header.ptr || !str_starts(header, STR("bytes="))) return 200;
  struct str spec = str_trim(str_from(header, 6));
  size_t dash = str_find_char(spec, '-');
  if (dash == SIZE_MAX || str_find_char(spec, ',') != SIZE_MAX) return 200;
  struct str from = {spec.ptr, dash}, to = str_from(spec, dash + 1);
  int64_t first = 0, last = INT64_MAX;
  if ((from.len && !str_to_int(from, 0, INT64_MAX, &first)) ||
      (to.len && !str_to_int(to, 0, INT64_MAX, &last)))
    return 200;
  if (from.len == 0 && to.len == 0) return 200;
  if (from.len == 0) { /* the last so many bytes */
    uint64_t n = (uint64_t)last < size ? (uint64_t)last : size;
    if (n == 0) return 416;
    *ret_start = size - n;
    *ret_length = n;
    return 206;
  }
  if (last < first) return 200;
  if ((uint64_t)first >= size) return 416;
  uint64_t end = (uint64_t)last < size ? (uint64_t)last + 1 : size;
  *ret_start = (uint64_t)first;
  *ret_length = end - (uint64_t)first;
  return 206;
}

struct output_span output_lines_wanted(int64_t count, int64_t first, int64_t last, int64_t tail) {
  struct output_span span = {first > 1 ? first : 1, last > 0 && last < count ? last + 1 : count + 1};
  if (tail > 0 && span.end - tail > span.from) span.from = span.end - tail;
  if (span.from > span.end) span.from = span.end;
  return span;
}

static bool wants_lines(const struct output_query *q) { return q->first || q->last || q->tail; }

static void send_text(struct call *c, struct output_work *w, int status, uint64_t start_at, uint64_t length) {
  static const char type[] = "text/plain; charset=utf-8";
  if (w->source.fd < 0) {
    call_begin(c);
    buf_add(&c->out, w->source.text.ptr ? w->source.text.ptr + start_at : "", length);
    output_work_done(w);
    call_end_text(c, status, type);
    return;
  }
  struct http_file file = {.fd = w->source.fd, .offset = start_at, .length = length};
  w->source.fd = -1;
  if (w->made) output_cache_put(c->api->outputs, w->made);
  w->made = NULL;
  output_work_done(w);
  struct http_request *req = c->req;
  http_header(req, "Cache-Control", STR("no-store"));
  call_release(c);
  http_respond_file(req, status, type, file);
}

static void send_range(struct call *c, struct output_work *w) {
  uint64_t start_at, length, size = (uint64_t)w->source.bytes;
  int status = range_parse(http_request_header(c->req, "Range"), size, &start_at, &length);
  char range[100];
  http_header(c->req, "Accept-Ranges", STR("bytes"));
  if (status == 206)
    (void)snprintf(range, sizeof range, "bytes %llu-%llu/%llu", (unsigned long long)start_at,
                   (unsigned long long)(start_at + length - 1), (unsigned long long)size);
  if (status == 416) (void)snprintf(range, sizeof range, "bytes */%llu", (unsigned long long)size);
  if (status != 200) http_header(c->req, "Content-Range", str_of(range));
  send_text(c, w, status, start_at, status == 416 ? 0 : length);
}

static void answer_text(void *arg) {
  struct output_work *w = arg;
  struct call *c = w->call;
  enum err e = w->error;
  if (e != ERR_OK) {
    output_work_done(w);
    call_fail(c, e);
  } else if (w->needs_index) {
    int64_t length = w->end_at > w->start_at ? w->end_at - w->start_at : 0;
    send_text(c, w, 200, (uint64_t)w->start_at, (uint64_t)length);
  } else {
    send_range(c, w);
  }
}

void run_output(struct call *c) {
  struct output_work *w = output_work_new(c, NULL);
  if (w) w->needs_index = wants_lines(CALL_INPUT(c, struct output_query));
  start(c, w, answer_text);
}
