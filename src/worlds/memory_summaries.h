/* Rows of "WorldSummary" as the calls write them. */
#pragma once
#include "worlds/load.h"

struct memory_summary_place { /* what a summary is about; texts borrowed */
  struct str world_id;
  int64_t level, from_turn, to_turn, count;
  struct str source_hash;
  int64_t now_ms;
};
/* Inside a write transaction: the summary {method, text, keyMoments, entities, relations, importance} of that place, new
 * or in the place of an older one about the same turns; of the same source nothing is changed, and a text that an owner
 * has edited stays. ERR_INVALID: it is none. */
enum err memory_summary_put(struct lane *l, const struct memory_summary_place *place, const json_t *summary,
                            bool *ret_is_new);
