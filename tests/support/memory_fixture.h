/* Interactions of invented stories, Spanish and English, the same ones every time: everyday talk in four places, with
 * moments that matter at known turns. */
#pragma once
#include "base/arena.h"
#include "worlds/memory.h"

#define STORY_START_MS INT64_C(1790000000000)
/* Turn 1 … of a story; texts in the arena. A key moment stands at every turn where turn % 97 == 50. */
struct memory_item story_item(enum text_language language, int64_t turn, struct arena *arena);
bool story_is_moment(int64_t turn);
