/* For the calls: arguments by a field table, and answers. */
#pragma once
#include "model/field.h"
#include "worlds/load.h"
#include "worlds/rights.h"

/* ARG(struct tick_args, n, "n", INT, 0, 1, 1000, 1, NULL, "…") */
#define ARG(type_, member, name, type, flags, min, max, otherwise, names, help) \
  { name, FIELD_##type, flags, min, max, otherwise, names, offsetof(type_, member), help }
#define ARGS_READ(l, q, table, ret, detail) \
  fields_from_json(table, sizeof(table) / sizeof *(table), (q)->args, FIELD_CREATE, ret, &(l)->arena, detail)

/* The answer of a call is body (taken over); NULL: no memory. */
static inline enum err reply_with(struct world_reply *r, json_t *body) {
  if (!body) return ERR_NO_MEMORY;
  json_decref(r->body);
  r->body = body;
  return ERR_OK;
}
/* After an edit: the live state learns who may post now. */
enum err world_refresh_access(struct lane *l, struct str id, int64_t now_ms);
/* The row, if this actor may do that deed. */
enum err world_see(struct lane *l, const struct world_request *q, enum world_deed deed,
                   struct world_row *ret);
/* A row as an answer: every column of model/world_row.def but the fence. NULL: no memory. */
json_t *world_row_json(const struct world_row *row);
