#include "api/output_index.h"

#include <stdlib.h>

#include "api/output_text.h"

#define ERROR_LOOK_BYTES 4096 /* of a line; an error that comes later in it is found by the search */

/* ---- making it ---- */

static struct output_index *copy_of(const struct output_index *before) {
  struct output_index *i = calloc(1, sizeof *i);
  if (!i) return NULL;
  if (!before) {
    i->stride = OUTPUT_STRIDE_FIRST;
    return i;
  }
  *i = *before;
  if (before->mark_count == 0) {
    i->marks = NULL;
    i->mark_capacity = 0;
    return i;
  }
  i->marks = malloc(before->mark_capacity * sizeof *i->marks);
  if (!i->marks) {
    free(i);
    return NULL;
  }
  memcpy(i->marks, before->marks, before->mark_count * sizeof *i->marks);
  return i;
}

static void thin_out(struct output_index *i) {
  size_t kept = 0;
  for (size_t n = 0; n < i->mark_count; n += 2, kept++) {
    i->marks[kept] = i->marks[n];
    if (n + 1 < i->mark_count) i->marks[kept].errors += i->marks[n + 1].errors;
  }
  i->mark_count = kept;
  i->stride *= 2;
}

static enum err add_mark(struct output_index *i, int64_t offset) {
  if (i->mark_count == OUTPUT_MARKS_MAX) thin_out(i);
  if (i->lines % i->stride != 0) return ERR_OK; /* after thinning */
  if (i->mark_count == i->mark_capacity) {
    size_t capacity = i->mark_capacity ? 2 * i->mark_capacity : 64;
    struct output_mark *grown = reallocarray(i->marks, capacity, sizeof *grown);
    if (!grown) return ERR_NO_MEMORY;
    i->marks = grown;
    i->mark_capacity = capacity;
  }
  i->marks[i->mark_count++] = (struct output_mark){.offset = offset};
  return ERR_OK;
}

static enum err add_line(struct output_index *i, const struct output_line *line) {
  if (i->lines % i->stride == 0) TRY(add_mark(i, line->offset));
  i->lines++;
  i->through = line->offset + line->bytes;
  struct str text = line->text;
  if (i->gap_line == 0 && output_is_gap(text)) i->gap_line = i->lines;
  if (text.len > ERROR_LOOK_BYTES) text.len = ERROR_LOOK_BYTES;
  if (!output_looks_wrong(text)) return ERR_OK;
  i->errors++;
  i->marks[i->mark_count - 1].errors++;
  if (!i->first_error) i->first_error = i->lines;
  i->last_error = i->lines;
  return ERR_OK;
}

static enum err read_on(const struct output_source *s, struct output_index *i) {
  struct output_reader r;
  TRY(output_reader_new(s, i->through, &r));
  enum err e = ERR_OK;
  struct output_line line;
  while (e == ERR_OK && output_next(&r, &line))
    if (line.has_end || s->is_final) e = add_line(i, &line);
  output_reader_free(&r);
  i->bytes = s->bytes;
  i->is_final = s->is_final;
  return e;
}

enum err output_index_new(const struct output_source *s, const struct output_index *before,
                          struct output_index **ret) {
  if (before && (before->is_final || before->through > s->bytes))
    before = NULL; /* another text than it was */
  struct output_index *i = copy_of(before);
  if (!i) return ERR_NO_MEMORY;
  enum err e = read_on(s, i);
  if (e == ERR_OK) *ret = i;
  else output_index_free(i);
  return e;
}

void output_index_free(struct output_index *i) {
  if (!i) return;
  free(i->marks);
  free(i);
}

int64_t output_line_count(const struct output_index *i) { return i->lines + (i->through < i->bytes ? 1 : 0); }

size_t output_buckets(const struct output_index *i, uint32_t ret[OUTPUT_BUCKETS_MAX], int64_t *ret_lines) {
  size_t each = (i->mark_count + OUTPUT_BUCKETS_MAX - 1) / OUTPUT_BUCKETS_MAX, count = 0;
  if (each == 0) each = 1;
  *ret_lines = (int64_t)each * i->stride;
  for (size_t n = 0; n < i->mark_count; n += each) {
    uint32_t sum = 0;
    for (size_t k = n; k < n + each && k < i->mark_count; k++) sum += i->marks[k].errors;
    ASSERT(count < OUTPUT_BUCKETS_MAX);
    ret[count++] = sum;
  }
  return count;
}

/* ---- using it ---- */

/* A reader that stands at the line, or at the end when there is no such line; *ret_number is where it stands. */
static enum err seek_line(const struct output_source *s, const struct output_index *i, int64_t number,
                          struct output_reader *ret) {
  ASSERT(number >= 1);
  int64_t mark = (number - 1) / i->stride;
  if (mark >= (int64_t)i->mark_count) mark = (int64_t)i->mark_count - 1;
  bool has_mark = mark >= 0;
  TRY(output_reader_new(s, has_mark ? i->marks[mark].offset : 0, ret));
  struct output_line line;
  for (int64_t at = has_mark ? mark * i->stride + 1 : 1; at < number && output_next(ret, &line); at++) {
  }
  return ERR_OK;
}

enum err output_each_line(const struct output_source *s, const struct output_index *i, int64_t from,
                          output_line_fn *fn, void *arg) {
  struct output_reader r;
  struct output_line line;
  TRY(seek_line(s, i, from, &r));
  int64_t count = output_line_count(i);
  for (int64_t number = from; number <= count && output_next(&r, &line) && fn(arg, number, &line);) number++;
  output_reader_free(&r);
  return ERR_OK;
}

enum err output_line_offset(const struct output_source *s, const struct output_index *i, int64_t number,
                            int64_t *ret_offset) {
  struct output_reader r;
  TRY(seek_line(s, i, number, &r));
  *ret_offset = r.offset;
  output_reader_free(&r);
  return ERR_OK;
}

struct searching {
  const struct output_search *search;
  struct buf folded;
  size_t found;
  int64_t bytes, next;
};

static bool fits(struct searching *g, struct str text) {
  if (g->search->only_errors && !output_looks_wrong(text)) return false;
  if (g->search->text.len == 0) return true;
  buf_clear(&g->folded);
  output_fold(text, &g->folded);
  return str_find(buf_str(&g->folded), g->search->text) != SIZE_MAX;
}

static bool look(void *arg, int64_t number, const struct output_line *line) {
  struct searching *g = arg;
  if (fits(g, line->text)) {
    g->found++;
    if (!g->search->fn(g->search->arg, number, line)) {
      g->next = number;
      return false;
    }
  }
  g->bytes += line->bytes;
  if (g->found < g->search->limit && g->bytes < OUTPUT_SEARCH_BYTES) return true;
  g->next = number;
  return false;
}

enum err output_search(const struct output_source *s, const struct output_index *i,
                       const struct output_search *search, int64_t *ret_next) {
  ASSERT(search->limit > 0 && search->after >= 0);
  struct searching g = {.search = search, .folded = buf_new(OUTPUT_BLOCK_BYTES)};
  enum err e = output_each_line(s, i, search->after + 1, look, &g);
  buf_free(&g.folded);
  if (e == ERR_OK) *ret_next = g.next < output_line_count(i) ? g.next : 0;
  return e;
}
