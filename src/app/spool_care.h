/* Retention of outputs in DIR/spool: too old ones, then the oldest while all together are too many bytes.
 * Outputs of living runs are never touched. Runs on a work thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct spool_sweep {
  char folder[4100];
  int64_t *live; /* run numbers */
  size_t live_count;
  int64_t older_than_ms; /* by the file's time */
  int64_t bytes_max;
  void *owner;
  int64_t deleted, deleted_bytes; /* answer */
};

struct spool_sweep *spool_sweep_new(const char *data_folder, size_t live_max); /* NULL: no memory */
void spool_sweep_run(void *sweep);
void spool_sweep_free(struct spool_sweep *s);
