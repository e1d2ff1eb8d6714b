/* The newest interactions of a world: what is in the database, and what is still in the live journal only. */
#pragma once
#include "worlds/load.h"
#include "worlds/narrative.h"

#define STORY_WINDOW_TEXT_MAX 2000 /* bytes of a message that a director sees */

struct story_line { /* texts in l->arena */
  int64_t turn, at_ms;
  struct str speaker, place, text;
  bool is_user;
};
/* Of turns in (after, until], the newest NARRATIVE_WINDOW, oldest first. live: a snapshot with LIVE_JOURNAL, or NULL. */
struct story_lines {
  struct story_line lines[NARRATIVE_WINDOW];
  size_t count;
};
enum err story_window(struct lane *l, struct str id, int64_t after, int64_t until,
                      const struct live_world *live, struct story_lines *ret);
/* [{"turn", "at", "speaker", "place", "isUser", "text"}]; at in epoch milliseconds. NULL: no memory. */
json_t *story_window_json(const struct story_lines *w);
/* What narrative_evaluate takes (from that JSON: narrative_turns_from_json). Texts are borrowed. */
size_t story_turns(struct text_kit *kit, enum text_language language, const struct story_lines *w,
                   struct narrative_turn ret[NARRATIVE_WINDOW]);
