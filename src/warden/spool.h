/* The output of one run on disk: stdout and stderr in the order they arrived, the head and the tail
 * kept, the middle counted. While the run is alive the tail is a ring behind the head in the same file;
 * spool_finish makes it a plain text file with one line that tells what was left out.
 *
 * Offsets are of the *kept stream*: what came within the rate. Nothing is created for a silent run. */
#pragma once
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define SPOOL_NAME_BYTES 32

struct spool {
  int dir_fd; /* borrowed */
  int fd;     /* -1: nothing written yet */
  int64_t run_no;
  int64_t head_max;
  int64_t tail_max;
  int64_t rate_max;      /* bytes a second, 0 = any */
  int64_t written_bytes; /* all that came */
  int64_t kept_bytes;    /* the kept stream's length; what wrapped is still counted here */
  int64_t rate_lost_bytes;
  int64_t failed_bytes;   /* the disk did not take them */
  int64_t rate_gap_bytes; /* lost since the last marker */
  struct tick rate_since;
  int64_t rate_used;
  bool is_finished;
};

struct spool_name {
  char text[SPOOL_NAME_BYTES];
};
struct spool_name spool_name(int64_t run_no); /* "123.out", in DIR/spool */

struct spool spool_new(int dir_fd, int64_t run_no);
/* Never fails: what cannot be kept is counted. */
void spool_add(struct spool *s, struct str bytes, struct tick now);
/* Puts the ring in order, writes the marker, closes. */
void spool_finish(struct spool *s);
int64_t spool_lost_bytes(const struct spool *s);
/* Bytes from `offset` of the kept stream, at most n: returns how many, and in *ret_offset where they
 * begin (later than asked when the middle was left out). 0 at the end. Also after spool_finish. */
size_t spool_read(const struct spool *s, int64_t offset, char *to, size_t n, int64_t *ret_offset);
