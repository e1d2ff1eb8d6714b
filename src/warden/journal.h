/* The warden's memory across its own death: which runs started, which ended, which ends serve has made
 * durable. Appended with single writes and never synced: the page cache survives any SIGKILL, and after
 * a power cut the boot id tells that nothing of it lives (DESIGN 3).
 *
 * The file: a head, then records, each with a checksum. Reading stops at the first record that is not
 * whole and cuts the file there. Room for the END of every living run is allocated ahead, so a full disk
 * refuses new starts and never an end. To change the format: raise JOURNAL_VERSION; a journal of another
 * version is read by the build that wrote it, or ignored with its file kept aside. */
#pragma once
#include <stdio.h>

#include "base/err.h"
#include "warden/proto.h"

#define JOURNAL_NAME_MAX 80
#define JOURNAL_COMPACT_BYTES (1024 * 1024) /* below this it is never rewritten */

struct journal {
  int dir_fd; /* borrowed */
  int fd;
  char name[JOURNAL_NAME_MAX];
  uint8_t id[WARDEN_ID_BYTES];
  int64_t bytes;           /* good records end here */
  int64_t allocated_bytes; /* on disk, from 0 */
  int64_t dead_bytes;      /* records that compaction would drop */
  size_t living;           /* runs with START and without END */
};

/* Receives the records in order. Unused ones may be NULL. */
struct journal_reader {
  void *arg;
  void (*start)(void *arg, const struct warden_run *run);
  void (*end)(void *arg, const struct warden_end *end, struct str result);
  void (*ack)(void *arg, int64_t run_no);
  void (*epoch)(void *arg, int64_t epoch);
};

/* Opens or creates dir_fd/name. A file that is no journal is renamed to NAME.bad and begun anew, which
 * gives a new id, and that counts as another boot. */
enum err journal_open(int dir_fd, const char *name, const struct journal_reader *reader, struct journal *ret,
                      struct err_detail *detail);
void journal_close(struct journal *j);

/* Each gives 0 or an errno; on an error the file is as it was. */
int journal_start(struct journal *j, const struct warden_run *run);
int journal_end(struct journal *j, const struct warden_end *end, struct str result);
int journal_ack(struct journal *j, const int64_t *run_nos, size_t count);
int journal_epoch(struct journal *j, int64_t epoch);

bool journal_wants_compaction(const struct journal *j);
/* Writes a new file with the same id and what `each` appends to it (by the calls above, on the journal
 * it is given), then renames it over. On an error the old one goes on. */
int journal_compact(struct journal *j, int (*each)(void *arg, struct journal *to), void *arg);

/* For tests: every append goes through this; write(2) unless set. */
extern ssize_t (*journal_write)(int fd, const void *bytes, size_t n);
