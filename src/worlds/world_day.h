/* Days of budgets: whole days since 1970-01-01 by the clocks of a zone. */
#pragma once
#include <stdint.h>

/* zone: an IANA name; NULL, "" or one that is not installed: UTC. */
int64_t world_day(const char *zone, int64_t now_ms);
/* When the days first, first + 1 … begin there, of which there are count: their local midnights, or the first instant
 * after a midnight that a change of clocks leaves out. */
void world_day_begins(const char *zone, int64_t first, int64_t count, int64_t ret_from_ms[]);
