/* /api/cron/settings. */
#include "api/api_admin.h"
#include "api/mask.h"
#include "api/render.h"
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
