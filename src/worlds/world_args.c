#include "worlds/world_args.h"

#include <stdlib.h>
#include <string.h>

enum err world_see(struct lane *l, const struct world_request *q, enum world_deed deed,
                   struct world_row *ret) {
  TRY(world_get(l, q->world_id, ret));
  bool is_member = q->actor.user_id.len > 0 && world_is_member(l, q->world_id, q->actor.user_id);
  return world_may(deed, &q->actor, ret, is_member, l->detail);
}

json_t *world_row_json(const struct world_row *row) {
  BUF_AUTO struct buf out = buf_new(256 * 1024);
  struct json_writer w = jw_new(&out);
  json_t *body = NULL;
  JSON_AUTO json_t *story = NULL;
  struct world_row shown = *row;
  if (row->story && json_parse(str_of(row->story), &story, NULL) != ERR_OK)
    shown.story = NULL; /* SQL from outside; the director takes it for none as well */
  jw_object(&w);
  for (size_t i = 0; i < world_row_field_count; i++)
    if (strcmp(world_row_fields[i].name, "fence") != 0) fields_to_json(&world_row_fields[i], 1, &shown, &w);
  jw_object_end(&w);
  if (buf_error(&out) != ERR_OK || json_parse(buf_str(&out), &body, NULL) != ERR_OK) return NULL;
  return body;
}
