#include "api/identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/login_link.h"
#include "api/secret.h"
#include "model/field.h"
#include "tests/support/check.h"

#define NOW 1795262400000

static struct user ana(enum role role) {
  return (struct user){.id = "u1", .name = "ana", .role = role, .last_login_ms = FIELD_NULL};
}

static struct token token_of(const struct token_text *text, const char *id, const char *scope) {
  struct token t = {.id = id,
                    .name = id,
                    .role = ROLE_EDITOR,
                    .scope = scope,
                    .expires_ms = FIELD_NULL,
                    .last_used_ms = FIELD_NULL};
  struct secret_hash h = secret_hash(str_of(text->text));
  memcpy(t.hash, h.bytes, sizeof t.hash);
  return t;
}

struct shown {
  const char *authorization, *cookie, *cron, *peer;
  int64_t at_ms;
};

static enum err recognise(struct identities *ids, struct shown s, struct recognised *ret) {
  static struct arena arena;
  arena_free(&arena);
  arena = arena_new(100000);
  struct credentials c = {.authorization = str_of(s.authorization),
                          .cookie = str_of(s.cookie),
                          .cron_secret = str_of(s.cron),
                          .peer = str_of(s.peer ? s.peer : "10.0.0.1"),
                          .now_ms = s.at_ms ? s.at_ms : NOW};
  return identities_recognise(ids, &c, &arena, ret, NULL);
}

static void tokens_open_for_their_role_until_they_end(void **state) {
  (void)state;
  struct identities *ids;
  struct recognised got;
  CHECK_OK(identities_new(&ids));
  struct token_text text = token_text_new(world_real());
  struct token t = token_of(&text, "ci", NULL);
  char bearer[100];
  (void)snprintf(bearer, sizeof bearer, "Bearer %s", text.text);
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer}, &got), ERR_UNAUTHENTICATED);
  t.expires_ms = NOW + 1000;
  CHECK_OK(identities_put_token(ids, &t));
  CHECK_OK(recognise(ids, (struct shown){.authorization = bearer}, &got));
  assert_int_equal(got.who.role, ROLE_EDITOR);
  assert_string_equal(got.who.actor, "token:ci");
  assert_non_null(got.token_to_save);
  CHECK_OK(recognise(ids, (struct shown){.authorization = bearer}, &got));
  assert_null(got.token_to_save);
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer, .at_ms = NOW + 1000}, &got),
                   ERR_TOKEN_EXPIRED);
  assert_int_equal(recognise(ids, (struct shown){.authorization = text.text}, &got), ERR_UNAUTHENTICATED);
  assert_int_equal(recognise(ids, (struct shown){.authorization = "Basic abcdefgh"}, &got),
                   ERR_UNAUTHENTICATED);
  identities_remove_token(ids, STR("ci"));
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer}, &got), ERR_UNAUTHENTICATED);
  identities_free(ids);
}

static void a_token_is_bounded_by_its_user(void **state) {
  (void)state;
  struct identities *ids;
  struct recognised got;
  CHECK_OK(identities_new(&ids));
  struct token_text text = token_text_new(world_real());
  struct token t = token_of(&text, "ci", NULL);
  struct user u = ana(ROLE_VIEWER);
  char bearer[100];
  (void)snprintf(bearer, sizeof bearer, "bearer %s", text.text);
  t.user_id = "u1";
  CHECK_OK(identities_put_token(ids, &t));
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer}, &got), ERR_UNAUTHENTICATED);
  CHECK_OK(identities_put_user(ids, &u));
  CHECK_OK(recognise(ids, (struct shown){.authorization = bearer}, &got));
  assert_int_equal(got.who.role, ROLE_VIEWER);
  u.role = ROLE_ADMIN;
  CHECK_OK(identities_put_user(ids, &u));
  CHECK_OK(recognise(ids, (struct shown){.authorization = bearer}, &got));
  assert_int_equal(got.who.role, ROLE_EDITOR);
  u.is_disabled = true;
  CHECK_OK(identities_put_user(ids, &u));
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer}, &got), ERR_UNAUTHENTICATED);
  identities_free(ids);
}

static void a_single_use_token_is_gone_after_it(void **state) {
  (void)state;
  struct identities *ids;
  struct recognised got;
  CHECK_OK(identities_new(&ids));
  struct token_text text = token_text_new(world_real());
  struct token t = token_of(&text, "once", "{\"singleUse\":true,\"nets\":[\"10.0.0.0/8\"]}");
  char bearer[100];
  (void)snprintf(bearer, sizeof bearer, "Bearer %s", text.text);
  CHECK_OK(identities_put_token(ids, &t));
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer, .peer = "192.168.0.1"}, &got),
                   ERR_UNAUTHENTICATED);
  CHECK_OK(recognise(ids, (struct shown){.authorization = bearer}, &got));
  assert_string_equal(got.token_to_delete->id, "once");
  assert_int_equal(recognise(ids, (struct shown){.authorization = bearer}, &got), ERR_UNAUTHENTICATED);
  identities_free(ids);
}

static void the_cron_secret_is_one_of_those_configured(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *shown, *configured;
    bool want;
  } rows[] = {
      {__LINE__, "Bearer old-secret", "new-secret,old-secret", true},
      {__LINE__, "Bearer new-secret", "new-secret, old-secret", true},
      {__LINE__, "Bearer old-secret", "new-secret", false},
      {__LINE__, "Bearer new-secret,old-secret", "new-secret,old-secret", false},
      {__LINE__, "Bearer old-secret", NULL, false},
      {__LINE__, "Bearer  ", ",", false},
  };
  struct identities *ids;
  CHECK_OK(identities_new(&ids));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct recognised got;
    enum err e =
        recognise(ids, (struct shown){.authorization = rows[i].shown, .cron = rows[i].configured}, &got);
    CHECK_ROW(rows[i].line, (e == ERR_OK && got.who.kind == WHO_CRON_SECRET) == rows[i].want);
  }
  identities_free(ids);
}

static void sessions_end_idle_and_old(void **state) {
  (void)state;
  struct identities *ids;
  struct recognised got;
  CHECK_OK(identities_new(&ids));
  struct user u = ana(ROLE_OPERATOR);
  struct session s = {
      .user_id = "u1", .csrf = "c", .created_ms = NOW, .seen_ms = NOW, .expires_ms = NOW + SESSION_LIFE_MS};
  struct secret_hash h = secret_hash(STR("cookie"));
  memcpy(s.id_hash, h.bytes, sizeof s.id_hash);
  CHECK_OK(identities_put_user(ids, &u));
  CHECK_OK(identities_put_session(ids, &s));
  CHECK_OK(recognise(ids, (struct shown){.cookie = "cookie"}, &got));
  assert_int_equal(got.who.kind, WHO_SESSION);
  assert_string_equal(got.csrf, "c");
  assert_null(got.session_to_save);
  assert_true(identities_still(ids, &got.who, got.session_hash, NOW));
  CHECK_OK(recognise(ids, (struct shown){.cookie = "other"}, &got));
  assert_int_equal(got.who.kind, WHO_NOBODY);
  int64_t at_ms = NOW;
  for (; at_ms + SESSION_IDLE_MS - 1 < NOW + SESSION_LIFE_MS; at_ms += SESSION_IDLE_MS - 1) {
    CHECK_OK(recognise(ids, (struct shown){.cookie = "cookie", .at_ms = at_ms + SESSION_IDLE_MS - 1}, &got));
    assert_non_null(got.session_to_save);
  }
  assert_int_equal(recognise(ids, (struct shown){.cookie = "cookie", .at_ms = NOW + SESSION_LIFE_MS}, &got),
                   ERR_TOKEN_EXPIRED);
  assert_int_equal(recognise(ids, (struct shown){.cookie = "cookie", .at_ms = at_ms + SESSION_IDLE_MS}, &got),
                   ERR_TOKEN_EXPIRED);
  assert_non_null(identities_expired_session(ids, NOW + SESSION_LIFE_MS));
  identities_remove_user(ids, STR("u1"));
  assert_int_equal(identities_session_count(ids), 0);
  identities_free(ids);
}

static void lists_stay_in_order(void **state) {
  (void)state;
  static const char *const names[] = {"m", "c", "z", "a", "q"};
  struct identities *ids;
  CHECK_OK(identities_new(&ids));
  for (size_t i = 0; i < 5; i++) {
    struct user u = {.id = names[i], .name = names[i], .role = ROLE_VIEWER};
    CHECK_OK(identities_put_user(ids, &u));
    CHECK_OK(identities_put_user(ids, &u));
  }
  assert_int_equal(identities_user_count(ids), 5);
  identities_remove_user(ids, STR("m"));
  static const char *const want[] = {"a", "c", "q", "z"};
  for (size_t i = 0; i < 4; i++) assert_string_equal(identities_user_at(ids, i)->name, want[i]);
  assert_null(identities_user(ids, STR("m")));
  assert_non_null(identities_user(ids, STR("q")));
  identities_free(ids);
}

static void a_login_link_works_once_and_in_time(void **state) {
  (void)state;
  struct login_links *l;
  struct secret_text a, b, last;
  CHECK_OK(login_links_new(&l));
  CHECK_OK(login_links_add(l, world_real(), STR("u1"), NOW, &a));
  CHECK_OK(login_links_add(l, world_real(), STR("u2"), NOW, &b));
  assert_null(login_links_take(l, STR("guess"), NOW));
  char *user = login_links_take(l, str_of(a.text), NOW + LOGIN_LINK_LIFE_MS - 1);
  assert_string_equal(user, "u1");
  free(user);
  assert_null(login_links_take(l, str_of(a.text), NOW));
  assert_null(login_links_take(l, str_of(b.text), NOW + LOGIN_LINK_LIFE_MS));
  for (int i = 0; i < 3 * LOGIN_LINKS_MAX; i++)
    CHECK_OK(login_links_add(l, world_real(), STR("u"), NOW + i, &last));
  user = login_links_take(l, str_of(last.text), NOW + 200);
  assert_string_equal(user, "u");
  free(user);
  login_links_free(l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_open_for_their_role_until_they_end),
      cmocka_unit_test(a_token_is_bounded_by_its_user),
      cmocka_unit_test(a_single_use_token_is_gone_after_it),
      cmocka_unit_test(the_cron_secret_is_one_of_those_configured),
      cmocka_unit_test(sessions_end_idle_and_old),
      cmocka_unit_test(lists_stay_in_order),
      cmocka_unit_test(a_login_link_works_once_and_in_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
