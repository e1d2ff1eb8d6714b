/* The process that starts, watches, limits and kills job processes, and keeps their output (DESIGN 3).
 * It is started by serve or by its own unit, serves one serve at a time, and outlives it. */
#pragma once

/* A warden is started with this variable: whatever the dynamic linker would look up at a first call is looked
 * up once then, and not by each built-in that is forked. */
#define WARDEN_BIND_NOW "LD_BIND_NOW=1"

/* `warden --data DIR [--idle-exit SECONDS] [--cgroup off|auto|DIR] [--detach]`; argv[0] is "warden". Returns
 * the exit status: 0, 1 could not start (said on stderr), 3 another warden of this build has the folder. */
int warden_main(int argc, char **argv);

/* The build this program is, as in the names of its lock, socket and journal: up to 39 characters. */
const char *warden_build(void);
