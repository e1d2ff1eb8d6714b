/* The settings of all worlds: worlds.settings → them; worlds.settings_edit {some of them} → all. */
#include "worlds/calls.h"
#include "worlds/sql.h"

#define SETTINGS_BYTES_MAX 16384

static enum err settings_json(const struct world_settings *s, struct buf *text, json_t **ret,
                              struct err_detail *detail) {
  struct json_writer w = jw_new(text);
  jw_object(&w);
  fields_to_json(world_settings_fields, world_settings_field_count, s, &w);
  jw_object_end(&w);
  TRY(buf_error(text));
  return ret ? json_parse(buf_str(text), ret, detail) : ERR_OK;
}

enum err world_call_settings(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  BUF_AUTO struct buf text = buf_new(SETTINGS_BYTES_MAX);
  return settings_json(&s, &text, &r->body, &r->detail);
}

struct definition {
  struct arena *arena;
  struct world_settings *settings;
  enum err error;
};

static bool read_definition(void *arg, const struct sql_row *row) {
  struct definition *d = arg;
  JSON_AUTO json_t *object = NULL;
  d->error = json_parse(sql_row_text(row, 0), &object, NULL);
  if (d->error == ERR_OK)
    d->error = fields_from_json(world_settings_fields, world_settings_field_count, object, FIELD_PATCH,
                                d->settings, d->arena, NULL);
  return false;
}

/* In one transaction, so that two edits of different fields both hold. */
static enum err edit(struct lane *l, const struct world_request *q, struct buf *text, struct world_reply *r) {
  struct world_settings s;
  world_settings_init(&s);
  struct definition d = {&l->arena, &s, ERR_OK};
  TRY(sqldb_query(l->db, SQL_SETTINGS_GET, SQL_NO_ARGS, read_definition, &d, &r->detail));
  TRY(d.error);
  TRY(fields_from_json(world_settings_fields, world_settings_field_count, q->args, FIELD_PATCH, &s, &l->arena,
                       &r->detail));
  TRY(world_settings_validate(&s, &r->detail));
  TRY(settings_json(&s, text, &r->body, &r->detail));
  TRY(sqldb_exec(l->db, SQL_SETTINGS_PUT,
                 SQL_ARGS(SQL_VALUE_STR(buf_str(text)), SQL_VALUE_INSTANT(q->now_ms)), NULL, &r->detail));
  return sqldb_commit(l->db, &r->detail);
}

enum err world_call_settings_edit(struct lane *l, const struct world_request *q, struct world_reply *r) {
  BUF_AUTO struct buf text = buf_new(SETTINGS_BYTES_MAX);
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(edit(l, q, &text, r));
  worlds_settings_changed(l->worlds);
  return ERR_OK;
}
