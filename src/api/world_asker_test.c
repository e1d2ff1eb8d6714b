#include "api/api_worlds.h"

#include "tests/support/check.h"

/* X-22, B-76, B-77: who an asker is to a world. */
static void askers_are_told_apart(void **state) {
  (void)state;
  static const struct scope worlds = {.is_worlds = true}, free_scope = {};
  static const struct {
    int line;
    struct who who;
    const char *user;
    bool is_override;
    enum err want;
    enum world_actor_kind kind;
    const char *user_id, *name;
  } rows[] = {
#define TOKEN(role_, user_, scope_) \
  {.kind = WHO_TOKEN, .role = ROLE_##role_, .actor = "token:t", .user_id = (user_), .scope = (scope_)}
#define SESSION(role_) \
  { .kind = WHO_SESSION, .role = ROLE_##role_, .actor = "user:ana", .user_id = "c1" }
      {__LINE__, TOKEN(OPERATOR, NULL, &worlds), NULL, false, ERR_OK, ACTOR_SYSTEM, NULL, "token:t"},
      {__LINE__, TOKEN(OPERATOR, NULL, &worlds), "u7", false, ERR_OK, ACTOR_USER, "u7", "user:u7"},
      {__LINE__, TOKEN(ADMIN, NULL, &worlds), "u7", false, ERR_OK, ACTOR_USER, "u7", "user:u7"},
      {__LINE__, TOKEN(OPERATOR, NULL, &worlds), "", false, ERR_INVALID, 0, NULL, NULL},
      {__LINE__, TOKEN(OPERATOR, NULL, &worlds), "u7", true, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(ADMIN, NULL, &worlds), NULL, true, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(VIEWER, NULL, &worlds), "u7", false, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(OPERATOR, NULL, &free_scope), "u7", false, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(EDITOR, NULL, &free_scope), NULL, false, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(EDITOR, "c1", &free_scope), NULL, false, ERR_OK, ACTOR_USER, "c1", "user:c1"},
      {__LINE__, TOKEN(EDITOR, "c1", &free_scope), NULL, true, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, TOKEN(ADMIN, NULL, &free_scope), NULL, false, ERR_OK, ACTOR_ADMIN, NULL, "token:t"},
      {__LINE__, TOKEN(ADMIN, NULL, &free_scope), NULL, true, ERR_OK, ACTOR_OVERRIDE, NULL, "token:t"},
      {__LINE__, TOKEN(ADMIN, NULL, &free_scope), "u7", true, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, SESSION(VIEWER), NULL, false, ERR_OK, ACTOR_USER, "c1", "user:c1"},
      {__LINE__, SESSION(OPERATOR), "u7", false, ERR_FORBIDDEN, 0, NULL, NULL},
      {__LINE__, SESSION(ADMIN), NULL, false, ERR_OK, ACTOR_ADMIN, "c1", "user:ana"},
      {__LINE__, SESSION(ADMIN), NULL, true, ERR_OK, ACTOR_OVERRIDE, "c1", "user:ana"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ARENA_AUTO struct arena arena = arena_new(65536);
    struct world_asker asker = {};
    struct err_detail d = {};
    const struct world_asking said = {&rows[i].who, str_of(rows[i].user), rows[i].is_override};
    enum err e = world_asker_of(&said, &arena, &asker, &d);
    CHECK_ROW(rows[i].line, e == rows[i].want);
    CHECK_ROW(rows[i].line, e == ERR_OK ? d.message[0] == '\0' : d.message[0] != '\0');
    CHECK_ROW(rows[i].line, e != ERR_OK || asker.kind == rows[i].kind);
    CHECK_ROW(rows[i].line, str_eq(str_of(asker.user_id), str_of(rows[i].user_id)));
    CHECK_ROW(rows[i].line, str_eq(str_of(asker.name), str_of(rows[i].name)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(askers_are_told_apart)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
