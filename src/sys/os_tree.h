/* Looking at a folder tree of small data files (the zone files of time/tzdb.c): what is there, what changed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Tells a changed file from an unchanged one. */
struct os_file_state {
  uint64_t device, inode;
  int64_t size_bytes;
  int64_t changed_ns; /* modification time, since the epoch */
};

/* False when the path is no regular file or cannot be seen. Symbolic links are followed. */
bool os_file_state(const char *path, struct os_file_state *ret);
bool os_file_state_eq(const struct os_file_state *a, const struct os_file_state *b);

/* Calls fn with the path relative to the folder of each regular file in it and in its sub-folders down to `depth`
 * levels (1 = the folder alone), at most max entries in all. Stops when fn returns false. Hidden names are
 * left out. A folder that cannot be read is empty. */
typedef bool os_tree_fn(void *arg, const char *relative);
void os_tree_each(const char *folder, int depth, int max, os_tree_fn *fn, void *arg);
