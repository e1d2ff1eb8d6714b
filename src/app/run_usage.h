/* What the processes of a living run use just now, by /proc: its session, and what descends from it. Its bill at the
 * end is the warden's, and exact. Reads the whole of /proc, so it is for work threads. */
#pragma once
#include <stdint.h>

struct run_usage {
  int32_t pid;       /* of its first process: in */
  int32_t processes; /* 0: it has ended */
  int64_t cpu_ms;    /* used so far by those that live, and by those of theirs that have ended */
  int64_t memory_bytes;
};
void run_usage_read(struct run_usage *u);
