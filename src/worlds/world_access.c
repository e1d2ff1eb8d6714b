#include "worlds/world_access.h"

#include "worlds/sql.h"
#include "worlds/world_state.h"

#define ACCESS "sys.access"
#define SEALED "sys.sealed"
#define FROM "sys.from"
#define ACCESS_BYTES_MAX (WORLD_MEMBERS_CACHED * 800 + 2048)

static struct str core_of(const struct live_world *w, const char *name) {
  return live_field_find(w->core, w->core_count, name);
}

bool world_access_is_sealed(const struct live_world *w) { return core_of(w, SEALED).len > 0; }

int64_t world_access_from_ms(const struct live_world *w) {
  int64_t ms;
  return str_to_int(core_of(w, FROM), INT64_MIN, INT64_MAX, &ms) ? ms : INSTANT_NONE;
}

static bool is_listed(const json_t *access, struct str user) {
  size_t i;
  json_t *member;
  json_array_foreach(json_object_get(access, "members"), i,
                     member) if (str_eq((struct str){json_string_value(member), json_string_length(member)},
                                        user)) return true;
  return false;
}

bool world_access_lets(const struct live_world *w, enum world_deed deed, const struct world_actor *actor) {
  struct str text = core_of(w, ACCESS);
  JSON_AUTO json_t *access = NULL;
  if (text.len == 0 || json_parse(text, &access, NULL) != ERR_OK) return false;
  const json_t *owner = json_object_get(access, "owner");
  struct world_row row = {.owner_id = json_string_value(owner)};
  return world_may(deed, actor, &row, is_listed(access, actor->user_id), NULL) == ERR_OK;
}

/* ---- writing ---- */

struct member_list {
  struct buf *texts; /* one a world: the object begun, its array open */
  struct json_writer *writers;
  size_t *counts;
};

static bool add_member(void *arg, const struct sql_row *row) {
  struct member_list *list = arg;
  size_t at = (size_t)sql_row_int(row, 0);
  if (list->counts[at]++ < WORLD_MEMBERS_CACHED) jw_str(&list->writers[at], sql_row_text(row, 1));
  return true;
}

static void begin_text(struct json_writer *w, struct buf *out, const struct world_row *row) {
  *w = jw_new(out);
  jw_object(w);
  jw_ktext(w, "owner", row->owner_id);
  jw_key(w, "members");
  jw_array(w);
}

static enum err end_text(struct lane *l, struct json_writer *w, struct str *ret) {
  jw_array_end(w);
  jw_object_end(w);
  TRY(buf_error(w->out));
  char *copy = arena_strdup(&l->arena, buf_str(w->out));
  *ret = str_of(copy);
  return copy ? ERR_OK : ERR_NO_MEMORY;
}

/* The access texts of these rows; a row that is not there (id NULL) gets an empty one. */
static enum err access_texts(struct lane *l, const struct world_row *rows, size_t count, struct str *ret) {
  struct str *ids = ARENA_ARRAY(&l->arena, struct str, count + 1);
  struct member_list list = {ARENA_ARRAY(&l->arena, struct buf, count + 1),
                             ARENA_ARRAY(&l->arena, struct json_writer, count + 1),
                             ARENA_ARRAY(&l->arena, size_t, count + 1)};
  if (!ids || !list.texts || !list.writers || !list.counts) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    ids[i] = str_of(rows[i].id ? rows[i].id : "");
    list.texts[i] = buf_new(ACCESS_BYTES_MAX);
    begin_text(&list.writers[i], &list.texts[i], &rows[i]);
  }
  struct str ids_json = world_ids_json(l, ids, count);
  enum err e = ids_json.ptr ? sqldb_query(l->db, SQL_MEMBERS_OF_MANY, SQL_ARGS(SQL_VALUE_STR(ids_json)),
                                          add_member, &list, l->detail)
                            : ERR_NO_MEMORY;
  for (size_t i = 0; i < count && e == ERR_OK; i++) e = end_text(l, &list.writers[i], &ret[i]);
  for (size_t i = 0; i < count; i++) buf_free(&list.texts[i]);
  return e;
}

enum err world_access_fields(struct lane *l, const struct world_row *row, int64_t from_ms,
                             struct live_field ret[WORLD_ACCESS_FIELDS]) {
  struct str access;
  TRY(access_texts(l, row, 1, &access));
  char *from = from_ms == INSTANT_NONE ? arena_strdup(&l->arena, STR(""))
                                       : arena_printf(&l->arena, "%lld", (long long)from_ms);
  if (!from) return ERR_NO_MEMORY;
  ret[0] = (struct live_field){STR(ACCESS), access};
  ret[1] = (struct live_field){STR(SEALED), STR("")};
  ret[2] = (struct live_field){STR(FROM), str_of(from)};
  return ERR_OK;
}

enum err world_access_refresh(struct lane *l, const struct world_row *rows, const struct live_world *live,
                              size_t count, int64_t now_ms) {
  struct str *texts = ARENA_ARRAY(&l->arena, struct str, count + 1);
  struct live_field *fields = ARENA_ARRAY(&l->arena, struct live_field, 2 * count + 1);
  struct live_append *writes = ARENA_ARRAY(&l->arena, struct live_append, count + 1);
  size_t n = 0;
  if (!texts || !fields || !writes) return ERR_NO_MEMORY;
  TRY(access_texts(l, rows, count, texts));
  for (size_t i = 0; i < count; i++) {
    bool is_paused = rows[i].is_paused != 0;
    if (!rows[i].id || !live[i].is_there ||
        (str_eq(texts[i], core_of(&live[i], ACCESS)) && world_access_is_sealed(&live[i]) == is_paused))
      continue;
    struct live_field *f = &fields[2 * n];
    f[0] = (struct live_field){STR(ACCESS), texts[i]};
    f[1] = (struct live_field){STR(SEALED), is_paused ? STR("1") : STR("")};
    writes[n++] =
        (struct live_append){.id = live[i].id, .active_ms = INSTANT_NONE, .core = f, .core_count = 2};
  }
  return n ? live_write(l->live, writes, n, now_ms, l->detail) : ERR_OK;
}

enum err world_seal(struct lane *l, const struct live_lock *locks, size_t count, int64_t now_ms) {
  static const struct live_field sealed = {STR(SEALED), STR("1")};
  struct live_append *a = ARENA_ARRAY(&l->arena, struct live_append, count + 1);
  if (!a) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++)
    a[i] = (struct live_append){.id = locks[i].id,
                                .token = locks[i].token,
                                .active_ms = INSTANT_NONE,
                                .core = &sealed,
                                .core_count = 1,
                                .even_if_full = true};
  if (count == 0 || live_mode(l->live) == LIVE_NONE) return ERR_OK;
  TRY(live_write(l->live, a, count, now_ms, l->detail));
  for (size_t i = 0; i < count; i++) {
    if (a[i].error != ERR_PRECONDITION) continue;
    TRY(world_settle(l, locks[i].id, locks[i].token, now_ms));
    TRY(live_write(l->live, &a[i], 1, now_ms, l->detail));
  }
  for (size_t i = 0; i < count; i++)
    if (a[i].error != ERR_OK && a[i].error != ERR_NOT_FOUND)
      return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "the lock of \"%.*s\" is not ours any more",
                     STR_ARG(locks[i].id));
  return ERR_OK;
}
