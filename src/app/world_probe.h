/* The server's own call: do the worlds' database and live state answer, and how big is the live state? It runs on a
 * lane every few seconds, so that status, health and metrics know without a request. */
#pragma once
#include "worlds/worlds.h"

extern const struct world_call world_probe_call;
/* What a good answer says. */
bool world_probe_read(const struct world_reply *reply, struct live_status *ret);
