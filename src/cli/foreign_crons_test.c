#include "cli/foreign_crons.h"

#include "tests/support/check.h"

/* B-30: the file of seed B, copied from it. */
static const char seed_vercel[] =
    "{\n  \"crons\": [\n    {\n      \"path\": \"/api/cron/auto-pause-worlds\",\n"
    "      \"schedule\": \"0 */6 * * *\"\n    },\n    {\n      \"path\": "
    "\"/api/cron/delete-scheduled-worlds\",\n"
    "      \"schedule\": \"0 3 * * *\"\n    }\n  ]\n}\n";

/* B-32: the workflow of seed B, copied from it. */
static const char seed_workflow[] =
    "# .github/workflows/auto-pause-worlds.yml\nname: Auto-Pause Inactive Worlds\n\non:\n  schedule:\n"
    "    - cron: '0 */6 * * *'  # Cada 6 horas\n\njobs:\n  auto-pause:\n    runs-on: ubuntu-latest\n    "
    "steps:\n"
    "      - name: Call auto-pause endpoint\n        run: |\n"
    "          curl -X POST https://tu-dominio.com/api/cron/auto-pause-worlds \\\n"
    "            -H \"Authorization: Bearer ${{ secrets.CRON_SECRET }}\"\n";

static void the_seeds_vercel_file_names_two_paths(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(65536);
  struct foreign_crons got;
  CHECK_OK(vercel_read(str_of(seed_vercel), &arena, &got, NULL));
  assert_int_equal(got.count, 2);
  assert_string_equal(got.list[0].schedule, "0 */6 * * *");
  assert_string_equal(foreign_world_job(got.list[0].path), "auto-pause");
  assert_string_equal(got.list[1].schedule, "0 3 * * *");
  assert_string_equal(foreign_world_job(got.list[1].path), "delete-scheduled-worlds");
}

static void the_seeds_workflow_calls_one(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(65536);
  struct foreign_crons got;
  CHECK_OK(workflow_read(str_of(seed_workflow), &arena, &got, NULL));
  assert_int_equal(got.count, 1);
  assert_string_equal(got.list[0].schedule, "0 */6 * * *");
  assert_string_equal(got.list[0].method, "POST");
  assert_string_equal(got.list[0].url, "https://tu-dominio.com/api/cron/auto-pause-worlds");
  assert_string_equal(foreign_world_job(got.list[0].path), "auto-pause");
  assert_int_equal(got.list[0].line, 14);
}

static void workflows_are_written_in_many_ways(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text, *schedule, *method, *url, *path;
  } rows[] = {
      {__LINE__,
       "on:\n  schedule:\n  - cron: \"5 4 * * *\"\n  - cron: 0 0 * * 0 # w\nx:\n - run: curl "
       "https://a.b/c?d=e#f\n",
       "5 4 * * * | 0 0 * * 0", "GET", "https://a.b/c?d=e#f", "/c"},
      {__LINE__, "cron: '* * * * *'\nrun: curl --request PUT 'http://a.b' -H 'x: http://no'\n", "* * * * *",
       "PUT", "http://a.b", "/"},
      {__LINE__, "cron: '* * * * *'\r\nrun: curl -d x=1 https://a.b/c\r\n", "* * * * *", "POST",
       "https://a.b/c", "/c"},
      {__LINE__,
       "cron: '1 * * * *'\n# run: curl https://no/\nrun: |\n  echo hi\n  curl -fsS \\\n   https://a.b/c \\\n",
       "1 * * * *", "GET", "https://a.b/c", "/c"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ARENA_AUTO struct arena arena = arena_new(65536);
    struct foreign_crons got;
    CHECK_ROW(rows[i].line,
              workflow_read(str_of(rows[i].text), &arena, &got, NULL) == ERR_OK && got.count == 1);
    CHECK_ROW(rows[i].line, str_eq(str_of(got.list[0].schedule), str_of(rows[i].schedule)));
    CHECK_ROW(rows[i].line, str_eq(str_of(got.list[0].method), str_of(rows[i].method)));
    CHECK_ROW(rows[i].line, str_eq(str_of(got.list[0].url), str_of(rows[i].url)));
    CHECK_ROW(rows[i].line, str_eq(str_of(got.list[0].path), str_of(rows[i].path)));
  }
}

static void what_cannot_be_read_is_named(void **state) {
  (void)state;
  static const struct {
    int line;
    bool is_vercel;
    const char *text, *field;
    int at;
  } rows[] = {
      {__LINE__, true, "{}", "crons", 0},
      {__LINE__, true, "{\"crons\":[{\"path\":\"/a\",\"schedule\":\"* * * * *\"},{\"path\":\"b\"}]}",
       "crons[1].path", 0},
      {__LINE__, true, "{\"crons\":[{\"path\":\"/a\"}]}", "crons[0].schedule", 0},
      {__LINE__, true, "{\"crons\":", "", 1},
      {__LINE__, false, "on:\n  push:\n", "workflow", 0},
      {__LINE__, false, "cron: ''\n", "workflow", 1},
      {__LINE__, false, "cron: '* * * * *'\nrun: npm test\n", "workflow", 0},
      {__LINE__, false, "cron: '* * * * *'\nrun: curl ${{ secrets.URL }}\n", "workflow", 2},
      {__LINE__, false, "cron: '* * * * *'\nrun: curl ftp://a.b/\n", "workflow", 2},
      {__LINE__, false, "", "workflow", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ARENA_AUTO struct arena arena = arena_new(65536);
    struct foreign_crons got;
    struct err_detail d = {};
    enum err e = rows[i].is_vercel ? vercel_read(str_of(rows[i].text), &arena, &got, &d)
                                   : workflow_read(str_of(rows[i].text), &arena, &got, &d);
    CHECK_ROW(rows[i].line, e == ERR_INVALID);
    CHECK_ROW(rows[i].line, str_eq(str_of(d.field), str_of(rows[i].field)) && d.line == rows[i].at);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_seeds_vercel_file_names_two_paths),
      cmocka_unit_test(the_seeds_workflow_calls_one),
      cmocka_unit_test(workflows_are_written_in_many_ways),
      cmocka_unit_test(what_cannot_be_read_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
