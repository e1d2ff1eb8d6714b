/* For the calls: arguments by a field table, and answers. */
#pragma once
#include "model/field.h"
#include "worlds/load.h"

/* ARG(struct tick_args, n, "n", INT, 0, 1, 1000, 1, NULL, "…") */
#define ARG(type_, member, name, type, flags, min, max, otherwise, names, help) \
  {name, FIELD_##type, flags, min, max, otherwise, names, offsetof(type_, member), help}
#define ARGS_READ(l, q, table, ret, detail) \
  fields_from_json(table, sizeof(table) / sizeof *(table), (q)->args, FIELD_CREATE, ret, &(l)->arena, detail)

/* The answer of a call is body (taken over); NULL: no memory. */
static inline enum err reply_with(struct world_reply *r, json_t *body) {
  if (!body) return ERR_NO_MEMORY;
  json_decref(r->body);
  r->body = body;
  return ERR_OK;
}
enum err world_id_check(const struct world_request *q, struct err_detail *detail);
/* A row as an answer: every column of model/world_row.def but the fence. NULL: no memory. */
json_t *world_row_json(const struct world_row *row);
