/* Who may do what to a world (B-76 … B-78, X-5, X-22): every deed by every kind of actor. */
#include "worlds/rights.h"
#include "tests/support/check.h"

enum who { SYSTEM, ADMIN, ADMIN_OWNER, OVERRIDE, OWNER, MEMBER, STRANGER, NOBODY, WHOS };

static enum err ask(enum world_deed deed, enum who who, const char *owner) {
  static const struct world_actor actors[WHOS] = {
      [SYSTEM] = {ACTOR_SYSTEM, {NULL, 0}, {NULL, 0}},
      [ADMIN] = {ACTOR_ADMIN, {"root", 4}, {NULL, 0}},
      [ADMIN_OWNER] = {ACTOR_ADMIN, {"ana", 3}, {NULL, 0}},
      [OVERRIDE] = {ACTOR_OVERRIDE, {"root", 4}, {NULL, 0}},
      [OWNER] = {ACTOR_USER, {"ana", 3}, {NULL, 0}},
      [MEMBER] = {ACTOR_USER, {"mia", 3}, {NULL, 0}},
      [STRANGER] = {ACTOR_USER, {"eve", 3}, {NULL, 0}},
      [NOBODY] = {ACTOR_USER, {NULL, 0}, {NULL, 0}},
  };
  struct world_row row = {.owner_id = owner};
  struct err_detail d = {};
  enum err e = world_may(deed, &actors[who], &row, who == MEMBER, &d);
  assert_int_equal(e == ERR_OK, d.message[0] == 0);
  return e;
}

static void every_deed_by_everyone(void **state) {
  (void)state;
  static const struct {
    int line;
    enum world_deed deed;
    const char *may; /* a letter for each of enum who, in order; '-' may not */
  } rows[] = {
      {__LINE__, DEED_SEE, "saAoum--"},     {__LINE__, DEED_POST, "s-Aoum--"},
      {__LINE__, DEED_OWN, "--Aou---"},     {__LINE__, DEED_RESUME, "s-Aou---"},
      {__LINE__, DEED_OPERATE, "saAou---"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int who = 0; who < WHOS; who++)
      if ((ask(rows[i].deed, (enum who)who, "ana") == ERR_OK) != (rows[i].may[who] != '-'))
        fail_msg("line %d: deed %d by %d", rows[i].line, (int)rows[i].deed, who);
}

static void a_world_without_owner_is_the_applications(void **state) {
  (void)state;
  assert_int_equal(ask(DEED_OWN, SYSTEM, NULL), ERR_OK);
  assert_int_equal(ask(DEED_OWN, NOBODY, NULL), ERR_FORBIDDEN);
  assert_int_equal(ask(DEED_OWN, OWNER, NULL), ERR_FORBIDDEN);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_deed_by_everyone),
                                     cmocka_unit_test(a_world_without_owner_is_the_applications)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
