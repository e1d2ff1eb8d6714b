/* /api/cron/settings. */
#include "api/api_admin.h"
#include "api/mask.h"
#include "api/render.h"
#include "model/world_row.h"
#include "time/tz.h"

static void answer_settings(struct call *c, const struct settings *s) {
  c->etag = etag_of(&c->req->arena, s->updated_ms);
  render_settings(call_begin(c), s);
  call_end(c, 200);
}

void settings_get(struct call *c) { answer_settings(c, engine_settings(c->api->engine)); }

static void settings_saved(struct call *c, const struct engine_answer *answer) {
  answer_settings(c, answer->change->settings.saved);
}

/* ---- what may be set: forms are made from it ---- */

static const char *const setting_groups[] = {"settings", "worlds", NULL};
static const char *const setting_types[] = {"text",    "integer", "boolean", "number",
                                            "instant", "enum",    "json",    NULL};
static const struct shape_part setting_field_parts[] = {{"choices", NULL, PART_TEXTS}};
SHAPE_PARTS(setting_field, "SettingField", NULL, setting_field_parts, OUT("name", TEXT, 0, ""),
            OUT_ENUM("group", 0, setting_groups,
                     "settings: /api/cron/settings; worlds: /api/admin/worlds/settings"),
            OUT_ENUM("type", 0, setting_types, ""), OUT("isNullable", BOOL, 0, "null: the default holds"),
            OUT("isSecret", BOOL, 0, "shown as ***"), OUT("min", REAL3, FIELD_NULLABLE, "of numbers"),
            OUT("max", REAL3, FIELD_NULLABLE, "of numbers; of text: bytes"),
            OUT("default", JSON, FIELD_NULLABLE, ""), OUT("help", TEXT, 0, "in English"));
static const struct shape_part setting_fields_parts[] = {{"data", &setting_field_shape, PART_LIST}};
SHAPE_PARTS(setting_fields, "SettingFields", NULL, setting_fields_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

static void write_bound(struct json_writer *w, const char *key, const struct field *f, int64_t bound) {
  bool is_number = f->type == FIELD_INT || f->type == FIELD_REAL3;
  bool is_bytes = (f->type == FIELD_TEXT || f->type == FIELD_JSON) && bound == f->max;
  jw_key(w, key);
  if (!is_number && !is_bytes) jw_null(w);
  else if (f->type == FIELD_REAL3) jw_real(w, (double)bound / 1000);
  else jw_int(w, bound);
}

/* {"name":VALUE} of the record without its frame. */
static void write_default(struct json_writer *w, const struct field *f, const void *fresh) {
  BUF_AUTO struct buf text = buf_new(LIMIT_PARAMS_BYTES);
  struct json_writer one = jw_new(&text);
  jw_object(&one);
  fields_to_json(f, 1, fresh, &one);
  jw_object_end(&one);
  size_t frame = strlen(f->name) + 4;
  jw_key(w, "default");
  if (text.len > frame + 1) jw_raw(w, (struct str){text.ptr + frame, text.len - frame - 1});
  else jw_null(w);
}

static void write_setting_fields(struct json_writer *w, const char *group, const struct field *fields,
                                 size_t count, const void *fresh) {
  for (size_t i = 0; i < count; i++) {
    const struct field *f = &fields[i];
    if (f->flags & FIELD_READ_ONLY) continue;
    jw_object(w);
    jw_ktext(w, "name", f->name);
    jw_ktext(w, "group", group);
    jw_ktext(w, "type", setting_types[f->type]);
    jw_kbool(w, "isNullable", f->flags & FIELD_NULLABLE);
    jw_kbool(w, "isSecret", f->flags & FIELD_SECRET);
    write_bound(w, "min", f, f->min);
    write_bound(w, "max", f, f->max);
    write_default(w, f, fresh);
    jw_ktext(w, "help", f->help);
    jw_key(w, "choices");
    jw_array(w);
    for (int k = 0; f->type == FIELD_ENUM && f->names[k]; k++) jw_text(w, f->names[k]);
    jw_array_end(w);
    jw_object_end(w);
  }
}

void settings_fields_get(struct call *c) {
  struct settings fresh;
  struct world_settings worlds;
  settings_init(&fresh);
  world_settings_init(&worlds);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_key(w, "data");
  jw_array(w);
  write_setting_fields(w, "settings", settings_fields, settings_field_count, &fresh);
  write_setting_fields(w, "worlds", world_settings_fields, world_settings_field_count, &worlds);
  jw_array_end(w);
  jw_ktext(w, "nextCursor", NULL);
  jw_object_end(w);
  call_end(c, 200);
}

/* ---- reading and changing them ---- */

/* A secret that comes back as it was shown stays; in a PUT, what only the server sets is left out. */
static void prepare(struct call *c) {
  for (size_t i = 0; i < settings_field_count; i++) {
    const struct field *f = &settings_fields[i];
    bool is_shown = f->flags & FIELD_SECRET && str_eq(json_text_at(c->body, f->name), STR(MASK));
    bool is_ours = c->req->method == HTTP_PUT && f->flags & FIELD_READ_ONLY;
    if (is_shown || is_ours) (void)json_object_del(c->body, f->name);
  }
}

/* PUT begins at the defaults, PATCH at what is; the secrets kept by prepare survive both. */
static struct settings *draft_of(struct call *c, const struct settings *old, const json_t *given) {
  struct settings *draft = settings_copy(old);
  if (!draft || c->req->method != HTTP_PUT) return draft;
  struct settings fresh;
  settings_init(&fresh);
  for (size_t i = 0; i < settings_field_count; i++) {
    const struct field *f = &settings_fields[i];
    if (f->flags & FIELD_READ_ONLY || json_object_get(given, f->name)) continue;
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON) field_set_text(f, draft, field_text(f, &fresh));
    else field_set_int(f, draft, field_int(f, &fresh));
  }
  return draft;
}

static enum err check(struct call *c, const struct settings *draft) {
  const struct tz *zone;
  TRY(settings_validate(draft, &c->detail));
  return tz_find(engine_tzdb(c->api->engine), str_of(draft->timezone), &zone, &c->detail);
}

static void save(struct call *c, const struct settings *old, const struct settings *draft,
                 int64_t if_match_ms) {
  struct change *change = call_new_change(c, CHANGE_SETTINGS);
  if (!change) return;
  const char *before, *after;
  render_settings_diff(old, draft, &c->req->arena, &before, &after);
  change->settings.settings = settings_copy(draft);
  change->settings.if_updated_ms = if_match_ms;
  call_note(c, change, "settings.update", "settings", before, after);
  if (change->settings.settings) {
    call_edit(c, change, settings_saved);
  } else {
    change_free(change);
    call_fail(c, ERR_NO_MEMORY);
  }
}

void settings_edit(struct call *c) {
  int64_t if_match_ms = FIELD_NULL;
  struct settings *old = settings_ref(engine_settings(c->api->engine));
  JSON_AUTO json_t *given = json_copy(c->body);
  prepare(c);
  struct settings *draft = draft_of(c, old, given);
  enum err e = draft && given ? ERR_OK : ERR_NO_MEMORY;
  if (e == ERR_OK) e = if_match_parse(http_request_header(c->req, "If-Match"), &if_match_ms, &c->detail);
  if (e == ERR_OK)
    e = fields_from_json(settings_fields, settings_field_count, c->body, FIELD_PATCH, draft, &c->req->arena,
                         &c->detail);
  if (e == ERR_OK) e = check(c, draft);
  if (e != ERR_OK) call_fail(c, e);
  else save(c, old, draft, if_match_ms);
  settings_unref(draft);
  settings_unref(old);
}
