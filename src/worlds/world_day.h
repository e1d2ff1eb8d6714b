/* Days of budgets: whole days since 1970-01-01 by the clocks of a zone. */
#pragma once
#include <stdint.h>

/* zone: an IANA name; NULL, "" or one that is not installed: UTC. */
int64_t world_day(const char *zone, int64_t now_ms);
