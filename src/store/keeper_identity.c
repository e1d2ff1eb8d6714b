/* Accounts, tokens, sessions: rows in, rows out. */
#include "store/keeper.h"

static const char *hex_of(const unsigned char bytes[32], char ret[65]) {
  for (int i = 0; i < 32; i++) {
    ret[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
    ret[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
  }
  ret[64] = 0;
  return ret;
}

static enum err refuse_name(struct change *c, enum err e) {
  return e == ERR_CONFLICT ? err_set(&c->detail, e, "name", 0, "there is an account of this name") : e;
}

/* An account goes with its sessions and tokens. */
static enum err delete_user(struct keeper *k, const struct user_row *user) {
  void **rows;
  size_t count;
  TRY(rows_collect(k->rows, SCAN_SESSION_ALL, &SCAN_ALL, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    const struct session_row *s = rows[i];
    if (str_eq(str_of(s->user_id), str_of(user->id))) TRY(keeper_del(k, TABLE_SESSION, s));
  }
  TRY(rows_collect(k->rows, SCAN_TOKEN_ALL, &SCAN_ALL, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    const struct token_row *t = rows[i];
    if (str_eq(str_of(t->user_id), str_of(user->id))) TRY(keeper_del(k, TABLE_TOKEN, t));
  }
  return keeper_del(k, TABLE_USER, user);
}

static enum err touch_user(struct keeper *k, const struct user_row *seen) {
  struct user_row row;
  TRY(k->rows->ops->find(k->rows, TABLE_USER, "id", str_of(seen->id), &row, &k->scratch));
  row.last_login_ms = seen->last_login_ms;
  return keeper_put(k, TABLE_USER, &row);
}

static enum err touch_token(struct keeper *k, const struct token_row *seen) {
  struct token_row row;
  TRY(k->rows->ops->find(k->rows, TABLE_TOKEN, "id", str_of(seen->id), &row, &k->scratch));
  row.last_used_ms = seen->last_used_ms;
  return keeper_put(k, TABLE_TOKEN, &row);
}

static enum err touch_session(struct keeper *k, const struct session_row *seen) {
  struct session_row row;
  TRY(k->rows->ops->find(k->rows, TABLE_SESSION, "idHash", str_of(seen->id_hash), &row, &k->scratch));
  row.seen_ms = seen->seen_ms;
  return keeper_put(k, TABLE_SESSION, &row);
}

static enum err unless_gone(enum err e) { return e == ERR_NOT_FOUND ? ERR_OK : e; }

enum err keeper_identity(struct keeper *k, struct change *c) {
  char hex[65];
  const struct user *u = &c->user;
  const struct token *t = &c->token_row;
  const struct session *s = &c->session;
  switch (c->kind) {
    case CHANGE_USER:
    case CHANGE_USER_DELETE: {
      struct user_row row = {.id = u->id,
                             .name = u->name,
                             .password_hash = u->password_hash,
                             .role = u->role,
                             .is_disabled = u->is_disabled,
                             .created_ms = u->created_ms,
                             .updated_ms = u->updated_ms,
                             .last_login_ms = u->last_login_ms};
      if (c->kind == CHANGE_USER_DELETE) return delete_user(k, &row);
      if (c->is_touch) return unless_gone(touch_user(k, &row));
      return refuse_name(c, keeper_put(k, TABLE_USER, &row));
    }
    case CHANGE_TOKEN:
    case CHANGE_TOKEN_DELETE: {
      struct token_row row = {.id = t->id,
                              .name = t->name,
                              .hash = hex_of(t->hash, hex),
                              .role = t->role,
                              .user_id = t->user_id,
                              .scope = t->scope,
                              .created_ms = t->created_ms,
                              .expires_ms = t->expires_ms,
                              .last_used_ms = t->last_used_ms};
      if (c->is_touch) return unless_gone(touch_token(k, &row));
      return c->kind == CHANGE_TOKEN ? keeper_put(k, TABLE_TOKEN, &row) : keeper_del(k, TABLE_TOKEN, &row);
    }
    default: {
      ASSERT(c->kind == CHANGE_SESSION || c->kind == CHANGE_SESSION_DELETE);
      struct session_row row = {.id_hash = hex_of(s->id_hash, hex),
                                .user_id = s->user_id,
                                .csrf = s->csrf,
                                .address = s->address,
                                .agent = s->agent,
                                .created_ms = s->created_ms,
                                .seen_ms = s->seen_ms,
                                .expires_ms = s->expires_ms};
      if (c->is_touch) return unless_gone(touch_session(k, &row));
      return c->kind == CHANGE_SESSION ? keeper_put(k, TABLE_SESSION, &row)
                                       : keeper_del(k, TABLE_SESSION, &row);
    }
  }
}
