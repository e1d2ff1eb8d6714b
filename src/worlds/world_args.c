#include "worlds/world_args.h"

#include <stdlib.h>
#include <string.h>

enum err world_id_check(const struct world_request *q, struct err_detail *detail) {
  if (world_id_is_valid(q->world_id)) return ERR_OK;
  return err_set(detail, ERR_INVALID, "worldId", 0,
                 "a world's id has 1 to 128 letters, digits or - _ . :, nothing else");
}

json_t *world_row_json(const struct world_row *row) {
  BUF_AUTO struct buf out = buf_new(256 * 1024);
  struct json_writer w = jw_new(&out);
  json_t *body = NULL;
  jw_object(&w);
  for (size_t i = 0; i < world_row_field_count; i++)
    if (strcmp(world_row_fields[i].name, "fence") != 0) fields_to_json(&world_row_fields[i], 1, row, &w);
  jw_object_end(&w);
  if (buf_error(&out) != ERR_OK || json_parse(buf_str(&out), &body, NULL) != ERR_OK) return NULL;
  return body;
}
