/* Where a run's output is read from, line by line: the spool file, or the row's text when the file is gone. For work
 * threads: it blocks on the disk and shares nothing. */
#pragma once
#include "base/buf.h"

#define OUTPUT_BLOCK_BYTES ((size_t)256 * 1024) /* read at once; a longer line is known by so much of it */

struct output_source {
  int fd;          /* owned; -1: text */
  struct str text; /* borrowed */
  int64_t bytes;   /* that may be read: of a living run what will not move any more */
  bool is_final;
  bool has_more; /* more lies behind, which moves */
};
/* The file, if it is there; otherwise the text. A living run's bytes behind the head move until it ends. */
struct output_source output_open(const char *path, struct str text, bool is_final);
void output_close(struct output_source *s);

struct output_line {
  struct str text; /* without its end; borrowed until the next one; at most OUTPUT_BLOCK_BYTES of it */
  int64_t offset;  /* where it begins */
  int64_t bytes;   /* its whole length, with its end */
  bool has_end;
};
struct output_reader {
  const struct output_source *source;
  char *block; /* owned */
  size_t len, at;
  int64_t offset; /* of block[at] */
};
enum err output_reader_new(const struct output_source *s, int64_t offset, struct output_reader *ret);
void output_reader_free(struct output_reader *r);
/* False at the end. What follows the last line's end is a line, too, unless it is empty. */
bool output_next(struct output_reader *r, struct output_line *ret);

/* When output came, from the file beside it. */
struct output_times {
  struct spool_mark *marks; /* owned */
  size_t count;
  int64_t head_max;   /* from here on a finished file has the marker and then the tail */
  int64_t moved_from; /* the tail begins here in the file, INT64_MAX: nothing was left out */
  int64_t moved_by;   /* to be added there: from the file's offset to the kept stream's */
};
struct output_times output_times_read(const char *path, int64_t file_bytes); /* count 0: not known */
void output_times_free(struct output_times *t);
/* Milliseconds after the start of the run; -1: not known. */
int64_t output_time_at(const struct output_times *t, int64_t offset);
