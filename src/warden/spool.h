/* The output of one run on disk: stdout and stderr in the order they arrived, the head and the tail
 * kept, the middle counted. While the run is alive the tail is a ring behind the head in the same file;
 * spool_finish makes it a plain text file with one line that tells what was left out.
 *
 * Offsets are of the *kept stream*: what came within the rate. Nothing is created for a silent run.
 *
 * Beside the text, "123.time" tells when it came: a head and then one mark for what came within
 * SPOOL_MARK_MS (of long runs: 2, 4, 8 … times that, so that the marks of a year are few). Both streams
 * share one pipe, which is what keeps their lines in order; so which of them a line came from is not known.
 * To change the format: another magic; readers take an unknown one for a file without times. */
#pragma once
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define SPOOL_NAME_BYTES 32
#define SPOOL_MARK_MS 10
#define SPOOL_MARKS_AT_ONE_PACE 8192 /* then the marks are twice as far apart */
#define SPOOL_TIME_MAGIC "sptime1"

struct spool_time_head { /* little endian, like the machine */
  char magic[8];
  int64_t head_max, tail_max;
  int64_t kept_bytes; /* the kept stream's length, once finished; -1 before */
};
struct spool_mark {
  int64_t offset;   /* of the kept stream: what begins here came … */
  int64_t since_ms; /* … so long after the start of the run */
};

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
  int time_fd; /* of the marks; -1: none yet, or the disk did not take them */
  struct tick began, marked;
  int64_t marks; /* written; negative: no more are */
  bool is_finished;
};

struct spool_name {
  char text[SPOOL_NAME_BYTES];
};
struct spool_name spool_name(int64_t run_no);      /* "123.out", in DIR/spool */
struct spool_name spool_time_name(int64_t run_no); /* "123.time", beside it */

struct spool spool_new(int dir_fd, int64_t run_no);
void spool_begin(struct spool *s, struct tick now); /* the run starts: marks count from here */
void spool_close(struct spool *s);                  /* without finishing; for runs that are given up */
/* Never fails: what cannot be kept is counted. */
void spool_add(struct spool *s, struct str bytes, struct tick now);
/* Puts the ring in order, writes the marker, closes. */
void spool_finish(struct spool *s);
int64_t spool_lost_bytes(const struct spool *s);
/* Bytes from `offset` of the kept stream, at most n: returns how many, and in *ret_offset where they
 * begin (later than asked when the middle was left out). 0 at the end. Also after spool_finish. */
size_t spool_read(const struct spool *s, int64_t offset, char *to, size_t n, int64_t *ret_offset);
