#include "cli/crontab.h"

#include <stdlib.h>

#include "tests/support/check.h"

static struct tzdb *zones;

static int set_up(void **s) {
  (void)s;
  return tzdb_new(NULL, &zones) == ERR_OK ? 0 : -1;
}
static int tear_down(void **s) {
  (void)s;
  tzdb_free(zones);
  return 0;
}

static struct crontab *read_text(const char *text, enum crontab_kind kind) {
  struct crontab *c = NULL;
  struct err_detail d = {};
  enum err e = crontab_read(str_of(text), kind, zones, &c, &d);
  if (e != ERR_OK) fail_msg("%s: %s", err_code(e), d.message);
  return c;
}

static void entries_keep_schedule_command_and_input(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *text, *schedule, *command, *input;
  } rows[] = {
      {__LINE__, "*/5 * * * * echo hi", "*/5 * * * *", "echo hi", NULL},
      {__LINE__, "  0\t3  * jan-mar  mon,wed   run  it ", "0 3 * jan-mar mon,wed", "run  it ", NULL},
      {__LINE__, "@daily /bin/x", "@daily", "/bin/x", NULL},
      {__LINE__, "@reboot\tsleep 5", "@reboot", "sleep 5", NULL},
      {__LINE__, "0~59 2 * * * x", "0~59 2 * * *", "x", NULL},
      {__LINE__, "0 0 * * * date +\\%F", "0 0 * * *", "date +%F", NULL},
      {__LINE__, "0 0 * * * cat%one%two", "0 0 * * *", "cat", "one\ntwo\n"},
      {__LINE__, "0 0 * * * cat%a\\%b%%", "0 0 * * *", "cat", "a%b\n\n"},
      {__LINE__, "0 0 * * * mail -s 'x' me%", "0 0 * * *", "mail -s 'x' me", NULL},
      {__LINE__, "0 0 * * * printf '\\n' \\\\%in", "0 0 * * *", "printf '\\n' \\\\", "in\n"},
      {__LINE__, "0 0 * * * cat%a\\b\\", "0 0 * * *", "cat", "a\\b\\\n"},
      {__LINE__, "0 0 * * * a=b c", "0 0 * * *", "a=b c", NULL},
      {__LINE__, "0 0 * * * x # no comment", "0 0 * * *", "x # no comment", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct crontab *c = read_text(rows[i].text, CRONTAB_USER);
    if (c->job_count != 1)
      fail_msg("row at line %d: %s", rows[i].line, c->note_count ? c->notes[0].message : "no entry");
    const struct crontab_job *job = &c->jobs[0];
    CHECK_ROW(rows[i].line, str_eq(str_of(job->schedule), str_of(rows[i].schedule)));
    CHECK_ROW(rows[i].line, str_eq(str_of(job->command), str_of(rows[i].command)));
    CHECK_ROW(rows[i].line, !job->stdin_text == !rows[i].input);
    if (rows[i].input) CHECK_STR(str_of(job->stdin_text), str_of(rows[i].input));
    crontab_free(c);
  }
}

static void a_line_that_cron_refuses_is_refused_with_its_place(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *text;
    int column;
    const char *says;
  } rows[] = {
      {__LINE__, "60 * * * * x", 1, "outside"},
      {__LINE__, "0 24 * * * x", 3, "outside"},
      {__LINE__, "0 0 0 * * x", 5, "outside"},
      {__LINE__, "0 0 * 13 * x", 7, "outside"},
      {__LINE__, "0 0 * * 8 x", 9, "outside"},
      {__LINE__, "0 22-3 * * * x", 3, "backwards"},
      {__LINE__, "*/0 * * * * x", 3, "step"},
      {__LINE__, "1, * * * * x", 3, "needed"},
      {__LINE__, "0 0 L * * x", 5, "no such name"},
      {__LINE__, "H 0 * * * x", 1, "no such name"},
      {__LINE__, "0 0 ? * * x", 5, "needed"},
      {__LINE__, "0 0 * * 1#2 x", 10, "no meaning"},
      {__LINE__, "0 0 * * monday x", 9, "no such name"},
      {__LINE__, "0 0 * mon * x", 7, "no such name"},
      {__LINE__, "@every 5m x", 1, "nickname"},
      {__LINE__, "@Daily x", 1, "nickname"},
      {__LINE__, "0 0 * *", 8, "five fields"},
      {__LINE__, "hello", 1, "no such name"},
      {__LINE__, "0 0 * * *", 10, "no command"},
      {__LINE__, "0 0 * * *   ", 13, "no command"},
      {__LINE__, "0 0 * * * %input", 11, "no command"},
      {__LINE__, "5 = x", 1, "name of a variable"},
      {__LINE__, "A='x' y", 1, "no such name"},
      {__LINE__, "0 0 * * * \xff", 0, "UTF-8"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct crontab *c = read_text(rows[i].text, CRONTAB_USER);
    CHECK_ROW(rows[i].line, c->job_count == 0 && c->refusal_count == 1 && c->note_count == 1);
    if (c->notes[0].column != rows[i].column || !strstr(c->notes[0].message, rows[i].says))
      fail_msg("row at line %d: column %d, %s", rows[i].line, c->notes[0].column, c->notes[0].message);
    CHECK_ROW(rows[i].line, c->notes[0].line == 1 && c->notes[0].is_refusal);
    crontab_free(c);
  }
}

static void refusals_name_their_line_and_leave_the_others(void **s) {
  (void)s;
  struct crontab *c = read_text("# one\n\n0 1 * * * a\n99 1 * * * b\n\n0 2 * * * c\n", CRONTAB_USER);
  assert_int_equal(c->job_count, 2);
  assert_int_equal(c->jobs[1].line, 6);
  assert_int_equal(c->notes[0].line, 4);
  crontab_free(c);
}

static void a_leading_dash_means_quiet(void **s) {
  (void)s;
  struct crontab *c = read_text("-*/10 * * * * x\n-@daily y\n* * * * * z\n", CRONTAB_USER);
  assert_int_equal(c->job_count, 3);
  assert_true(c->jobs[0].is_quiet && c->jobs[1].is_quiet && !c->jobs[2].is_quiet);
  assert_string_equal(c->jobs[0].schedule, "*/10 * * * *");
  crontab_free(c);
}

static void system_tables_name_a_user(void **s) {
  (void)s;
  struct crontab *c = read_text(
      "17 * * * *\troot  cd / && run-parts --report /etc/cron.hourly\n"
      "@reboot daemon /bin/x\n0 5 * * * /usr/bin/backup all\n0 5 * * * root\n",
      CRONTAB_SYSTEM);
  assert_int_equal(c->job_count, 2);
  assert_string_equal(c->jobs[0].user, "root");
  assert_string_equal(c->jobs[0].command, "cd / && run-parts --report /etc/cron.hourly");
  assert_string_equal(c->jobs[1].user, "daemon");
  assert_int_equal(c->refusal_count, 2);
  assert_int_equal(c->notes[0].line, 3);
  assert_non_null(strstr(c->notes[0].hint, "user's own"));
  crontab_free(c);
}

static void variables_follow_crons_rules_of_quotes_and_blanks(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *text, *name, *value;
  } rows[] = {
      {__LINE__, "A=b", "A", "b"},         {__LINE__, "  A = b c  ", "A", "b c"},
      {__LINE__, "A=\" b \"", "A", " b "}, {__LINE__, "A='x\"y'", "A", "x\"y"},
      {__LINE__, "'A' = ''", "A", ""},     {__LINE__, "\"A\"=$HOME/bin:%", "A", "$HOME/bin:%"},
      {__LINE__, "A=it's", "A", "it's"},   {__LINE__, "A=x # kept", "A", "x # kept"},
      {__LINE__, "A=", "A", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[200];
    (void)snprintf(text, sizeof text, "%s\n0 0 * * * x\n", rows[i].text);
    struct crontab *c = read_text(text, CRONTAB_USER);
    CHECK_ROW(rows[i].line, c->job_count == 1);
    const char *value = crontab_variable_of(&c->jobs[0], rows[i].name);
    CHECK_ROW(rows[i].line, value != NULL);
    CHECK_STR(str_of(value), str_of(rows[i].value));
    crontab_free(c);
  }
}

static void variables_hold_from_their_line_on(void **s) {
  (void)s;
  struct crontab *c = read_text(
      "0 0 * * * a\nPATH=/x\nCRON_TZ=Europe/Madrid\n0 0 * * * b\nPATH=/y\nRANDOM_DELAY=45\n0 0 * * * c\n",
      CRONTAB_USER);
  assert_int_equal(c->job_count, 3);
  assert_null(crontab_variable_of(&c->jobs[0], "PATH"));
  assert_null(c->jobs[0].timezone);
  assert_string_equal(crontab_variable_of(&c->jobs[1], "PATH"), "/x");
  assert_string_equal(c->jobs[1].timezone, "Europe/Madrid");
  assert_string_equal(crontab_variable_of(&c->jobs[2], "PATH"), "/y");
  assert_int_equal(c->jobs[1].random_delay_minutes, 0);
  assert_int_equal(c->jobs[2].random_delay_minutes, 45);
  crontab_free(c);
}

static void an_unknown_zone_refuses_the_entries_under_it(void **s) {
  (void)s;
  struct crontab *c =
      read_text("CRON_TZ=Europe/Nowhere\n0 0 * * * a\nCRON_TZ=UTC\n0 0 * * * b\n", CRONTAB_USER);
  assert_int_equal(c->job_count, 1);
  assert_string_equal(c->jobs[0].command, "b");
  assert_int_equal(c->refusal_count, 1);
  assert_int_equal(c->notes[1].line, 2);
  crontab_free(c);
}

static void mailto_is_noted_and_kept(void **s) {
  (void)s;
  struct crontab *c = read_text("MAILTO=ops@example.org\n0 0 * * * a\n", CRONTAB_USER);
  assert_string_equal(crontab_variable_of(&c->jobs[0], "MAILTO"), "ops@example.org");
  assert_int_equal(c->note_count, 1);
  assert_int_equal(c->notes[0].line, 1);
  assert_false(c->notes[0].is_refusal);
  crontab_free(c);
}

static void comments_right_above_become_the_description(void **s) {
  (void)s;
  struct crontab *c = read_text(
      "# m h  dom mon dow   command\n# Far away.\n\n#First line\n#  second\n0 0 * * * a\n0 0 * * * b\n"
      "# Of the variable\nX=1\n0 0 * * * c\n# DO NOT EDIT THIS FILE - edit the master and reinstall.\n"
      "# (/tmp/x installed on Mon Jan  1 00:00:00 2026)\n# Kept\n0 0 * * * d\n",
      CRONTAB_USER);
  assert_string_equal(c->jobs[0].description, "First line\n second");
  assert_null(c->jobs[1].description);
  assert_null(c->jobs[2].description);
  assert_string_equal(c->jobs[3].description, "Kept");
  crontab_free(c);
}

static void names_come_from_the_command_and_are_unique(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *command, *name;
  } rows[] = {
      {__LINE__, "/usr/local/bin/backup.sh --all", "backup.sh"},
      {__LINE__, "test -x /usr/bin/certbot && perl -e 1", "certbot"},
      {__LINE__, "LANG=C nice run-parts /etc/x", "run-parts"},
      {__LINE__, "[ -x /usr/lib/php/sessionclean ] && x", "sessionclean"},
      {__LINE__, "cd /srv && make all", "make"},
      {__LINE__, "if [ ! -d /run/systemd/system ] && [ -x /usr/lib/rotate ] ; then rotate; fi", "rotate"},
      {__LINE__, "test -e /run/systemd/system || MODE=1 /usr/lib/scrub_all", "scrub_all"},
      {__LINE__, "command -v collect > /dev/null && collect 1 1", "collect"},
      {__LINE__, "\xc3\xa9\xc3\xa9", "job"},
      {__LINE__, "/", "job"},
      {__LINE__, "/a/b/", "b"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[200];
    (void)snprintf(text, sizeof text, "0 0 * * * %s", rows[i].command);
    struct crontab *c = read_text(text, CRONTAB_USER);
    CHECK_STR(str_of(c->jobs[0].name), str_of(rows[i].name));
    crontab_free(c);
  }
  struct crontab *c = read_text("0 0 * * * /a/x 1\n0 0 * * * /b/x 2\n0 0 * * * /c/x 3\n", CRONTAB_USER);
  assert_string_equal(c->jobs[1].name, "x-line-2");
  assert_string_equal(c->jobs[2].name, "x-line-3");
  crontab_free(c);
}

static void cr_lf_and_a_missing_last_newline_are_taken(void **s) {
  (void)s;
  struct crontab *c = read_text("A=1\r\n0 0 * * * x\r\n0 1 * * * y", CRONTAB_USER);
  assert_int_equal(c->job_count, 2);
  assert_string_equal(c->jobs[0].command, "x");
  assert_string_equal(crontab_variable_of(&c->jobs[0], "A"), "1");
  assert_int_equal(c->note_count, 1);
  crontab_free(c);
}

static void what_is_no_crontab_is_refused_whole(void **s) {
  (void)s;
  struct crontab *c = NULL;
  struct err_detail d = {};
  assert_int_equal(crontab_read(STR("0 0 * * * x\0y"), CRONTAB_USER, zones, &c, &d), ERR_INVALID);
  char *large = calloc(1, CRONTAB_BYTES_MAX + 1);
  assert_non_null(large);
  memset(large, '\n', CRONTAB_BYTES_MAX + 1);
  assert_int_equal(crontab_read((struct str){large, CRONTAB_BYTES_MAX + 1}, CRONTAB_USER, zones, &c, &d),
                   ERR_LIMIT);
  free(large);
  assert_null(c);
  c = read_text("", CRONTAB_USER);
  assert_int_equal(c->job_count + c->note_count, 0);
  crontab_free(c);
}

static void a_long_line_is_refused_and_the_next_is_read(void **s) {
  (void)s;
  BUF_AUTO struct buf text = buf_new(CRONTAB_BYTES_MAX);
  buf_add_text(&text, "0 0 * * * ");
  for (int i = 0; i < CRONTAB_LINE_BYTES_MAX; i++) buf_add_char(&text, 'x');
  buf_add_text(&text, "\n0 0 * * * y\n");
  struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
  assert_int_equal(c->refusal_count, 1);
  assert_int_equal(c->job_count, 1);
  crontab_free(c);
}

static void notes_are_bounded_but_refusals_are_all_counted(void **s) {
  (void)s;
  BUF_AUTO struct buf text = buf_new(CRONTAB_BYTES_MAX);
  for (int i = 0; i < CRONTAB_NOTES_MAX + 500; i++) buf_add_text(&text, "bad\n");
  struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
  assert_int_equal(c->note_count, CRONTAB_NOTES_MAX);
  assert_int_equal(c->refusal_count, CRONTAB_NOTES_MAX + 500);
  crontab_free(c);
}

/* ---- back to a file ------------------------------------------------------------------------------------ */

static void check_same_job(const struct crontab_job *a, const struct crontab_job *b) {
  CHECK_STR(str_of(a->schedule), str_of(b->schedule));
  CHECK_STR(str_of(a->command), str_of(b->command));
  CHECK_STR(str_of(a->stdin_text ? a->stdin_text : ""), str_of(b->stdin_text ? b->stdin_text : ""));
  CHECK_STR(str_of(a->user ? a->user : ""), str_of(b->user ? b->user : ""));
  CHECK_STR(str_of(a->timezone ? a->timezone : ""), str_of(b->timezone ? b->timezone : ""));
  CHECK_STR(str_of(a->description ? a->description : ""), str_of(b->description ? b->description : ""));
  assert_int_equal(a->random_delay_minutes, b->random_delay_minutes);
  assert_int_equal(a->is_quiet, b->is_quiet);
  assert_int_equal(a->variable_count, b->variable_count);
  for (size_t i = 0; i < a->variable_count; i++)
    CHECK_STR(str_of(a->variables[i].value), str_of(crontab_variable_of(b, a->variables[i].name)));
}

/* Lines in the manner of those that Debian's sysstat, certbot, mdadm, php-common, e2fsprogs, logcheck, mailman and
 * anacron put into /etc/cron.d, and of /etc/crontab. */
static const char packaged[] =
    "# /etc/crontab: system-wide crontab\n"
    "# Unlike others it has a user column.\n\n"
    "SHELL=/bin/sh\n"
    "PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin\n\n"
    "# .---------------- minute (0 - 59)\n"
    "# |  .------------- hour (0 - 23)\n"
    "# *  *  *  *  * user-name command to be executed\n"
    "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
    "25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n"
    "47 6\t* * 7\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.weekly; }\n"
    "52 6\t1 * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.monthly; }\n\n"
    "# Activity reports every 10 minutes everyday\n"
    "5-55/10 * * * * root command -v collect1 > /dev/null && collect1 1 1\n"
    "59 23 * * * root command -v collect1 > /dev/null && collect1 60 2\n"
    "0 */12 * * * root test -x /usr/bin/renew -a \\! -d /run/systemd/system && perl -e 'sleep "
    "int(rand(43200))' && renew -q\n"
    "57 0 * * 0 root if [ -x /usr/share/raid/check ] && [ $(date +\\%d) -le 7 ]; then /usr/share/raid/check "
    "--cron --all --idle --quiet; fi\n"
    "09,39 *     * * *     root   [ -x /usr/lib/php/clean ] && if [ ! -d /run/systemd/system ]; then "
    "/usr/lib/php/clean; fi\n"
    "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/scrub/cron\n"
    "10 3 * * * root test -e /run/systemd/system || SERVICE_MODE=1 /sbin/scrub_all -A -r\n"
    "MAILTO=root\n"
    "@reboot         checker    if [ -x /usr/sbin/checker ]; then nice -n10 /usr/sbin/checker -R; fi\n"
    "2 * * * *       checker    if [ -x /usr/sbin/checker ]; then nice -n10 /usr/sbin/checker; fi\n"
    "0 8 * * mon-fri list [ -x /usr/lib/list/disabled ] && /usr/lib/list/disabled\n"
    "30 7    * * *   root    [ -x /etc/init.d/anacron ] && if [ ! -d /run/systemd/system ]; then "
    "/usr/sbin/invoke-rc.d anacron start >/dev/null; fi\n"
    "CRON_TZ=America/New_York\n"
    "0 9~17 * * 1-5 www-data mail -s \"at \\%H\" me%Dear me,%%it is \\% o'clock.%\n"
    "-*/2 * * * * nobody true\n";

static void packaged_tables_round_trip(void **s) {
  (void)s;
  struct crontab *first = read_text(packaged, CRONTAB_SYSTEM);
  assert_int_equal(first->refusal_count, 0);
  assert_int_equal(first->job_count, 17);
  BUF_AUTO struct buf text = buf_new(CRONTAB_BYTES_MAX), again = buf_new(CRONTAB_BYTES_MAX);
  size_t refused = 99;
  CHECK_OK(crontab_write(first->jobs, first->job_count, CRONTAB_SYSTEM, &text, &refused));
  assert_int_equal(refused, 0);
  struct crontab *second = read_text(buf_text(&text), CRONTAB_SYSTEM);
  assert_int_equal(second->job_count, first->job_count);
  for (size_t i = 0; i < first->job_count; i++) check_same_job(&first->jobs[i], &second->jobs[i]);
  CHECK_OK(crontab_write(second->jobs, second->job_count, CRONTAB_SYSTEM, &again, &refused));
  CHECK_STR(buf_str(&again), buf_str(&text));
  crontab_free(first), crontab_free(second);
}

static void every_input_and_command_cron_can_say_round_trips(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *command, *input;
  } rows[] = {
      {__LINE__, "date +%F", NULL},   {__LINE__, "a%b%c", "in\n"},
      {__LINE__, "echo \\\\%", NULL}, {__LINE__, "end\\", NULL},
      {__LINE__, "x", "\n"},          {__LINE__, "x", "a\n\n"},
      {__LINE__, "x", "\n\na\n"},     {__LINE__, "x", "50% \\% \\\\% \\n\n"},
      {__LINE__, "x", "ends\\\n"},    {__LINE__, "x", "%\n%%\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct crontab_job job = {
        .schedule = "0 0 * * *", .command = rows[i].command, .stdin_text = rows[i].input};
    BUF_AUTO struct buf text = buf_new(4096);
    size_t refused;
    CHECK_OK(crontab_write(&job, 1, CRONTAB_USER, &text, &refused));
    if (refused) fail_msg("row at line %d: %s", rows[i].line, buf_text(&text));
    struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
    CHECK_ROW(rows[i].line, c->job_count == 1);
    check_same_job(&job, &c->jobs[0]);
    crontab_free(c);
  }
}

static void what_cron_cannot_say_is_a_comment_with_the_reason(void **s) {
  (void)s;
  static const struct {
    int line;
    struct crontab_job job;
    const char *says;
  } rows[] = {
      {__LINE__, {.schedule = "@every 5m", .command = "x"}, "schedule"},
      {__LINE__, {.schedule = "0 0 L * *", .command = "x"}, "schedule"},
      {__LINE__, {.schedule = "0 0 * * *", .command = "a\nb"}, "line break"},
      {__LINE__, {.schedule = "0 0 * * *", .command = "a\\%b"}, "backslash"},
      {__LINE__, {.schedule = "0 0 * * *", .command = "a\\", .stdin_text = "b\n"}, "backslash"},
      {__LINE__, {.schedule = "0 0 * * *", .command = "a", .stdin_text = "b"}, "newline"},
      {__LINE__, {.schedule = "0 0 * * *", .command = "a", .stdin_text = "b\\\nc\n"}, "backslash"},
      {__LINE__, {.schedule = "0 0 * * *", .command = " "}, "no command"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    BUF_AUTO struct buf text = buf_new(4096);
    size_t refused = 0;
    CHECK_OK(crontab_write(&rows[i].job, 1, CRONTAB_USER, &text, &refused));
    CHECK_ROW(rows[i].line, refused == 1 && str_find(buf_str(&text), str_of(rows[i].says)) != SIZE_MAX);
    struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
    CHECK_ROW(rows[i].line, c->job_count == 0 && c->refusal_count == 0);
    crontab_free(c);
  }
  const struct crontab_job no_user = {.schedule = "0 0 * * *", .command = "x"};
  BUF_AUTO struct buf text = buf_new(4096);
  size_t refused = 0;
  CHECK_OK(crontab_write(&no_user, 1, CRONTAB_SYSTEM, &text, &refused));
  assert_int_equal(refused, 1);
}

static void jobs_of_different_variables_each_get_their_own(void **s) {
  (void)s;
  static const struct crontab_variable a[] = {{"A", "1"}, {"SHELL", "/bin/bash"}}, b[] = {{"B", " 2 "}},
                                       sh[] = {{"SHELL", "/bin/bash"}};
  const struct crontab_job jobs[] = {
      {.schedule = "0 1 * * *", .command = "with_a", .variables = a, .variable_count = 2},
      {.schedule = "0 2 * * *", .command = "with_b", .variables = b, .variable_count = 1},
      {.schedule = "0 3 * * *", .command = "with_none"},
      {.schedule = "0 4 * * *", .command = "with_bash", .variables = sh, .variable_count = 1},
  };
  BUF_AUTO struct buf text = buf_new(4096);
  size_t refused = 9;
  CHECK_OK(crontab_write(jobs, 4, CRONTAB_USER, &text, &refused));
  assert_int_equal(refused, 0);
  struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
  assert_int_equal(c->job_count, 4);
  for (size_t i = 0; i < 4; i++) {
    const struct crontab_job *job = &c->jobs[i];
    const char *shell = crontab_variable_of(job, "SHELL");
    bool wants_bash = strstr(job->command, "with_a") || strstr(job->command, "with_bash");
    bool has_a = crontab_variable_of(job, "A") && !strstr(job->command, "unset A;");
    bool has_b = crontab_variable_of(job, "B") && !strstr(job->command, "unset B;");
    assert_int_equal(wants_bash, shell && str_eq(str_of(shell), STR("/bin/bash")));
    assert_int_equal(has_a, strstr(job->command, "with_a") != NULL);
    assert_int_equal(has_b, strstr(job->command, "with_b") && !strstr(job->command, "with_bash"));
  }
  crontab_free(c);
}

static void jobs_without_a_zone_are_written_before_those_with_one(void **s) {
  (void)s;
  const struct crontab_job jobs[] = {
      {.schedule = "0 1 * * *", .command = "madrid", .timezone = "Europe/Madrid", .random_delay_minutes = 5},
      {.schedule = "0 2 * * *", .command = "local"},
  };
  BUF_AUTO struct buf text = buf_new(4096);
  size_t refused = 9;
  const struct crontab_job reversed[] = {jobs[1], jobs[0]};
  CHECK_OK(crontab_write(reversed, 2, CRONTAB_USER, &text, &refused));
  assert_int_equal(refused, 0);
  buf_clear(&text);
  CHECK_OK(crontab_write(jobs, 2, CRONTAB_USER, &text, &refused));
  assert_int_equal(refused, 0);
  struct crontab *c = read_text(buf_text(&text), CRONTAB_USER);
  assert_string_equal(c->jobs[0].command, "local");
  assert_null(c->jobs[0].timezone);
  assert_string_equal(c->jobs[1].timezone, "Europe/Madrid");
  assert_int_equal(c->jobs[1].random_delay_minutes, 5);
  crontab_free(c);
}

static void parameters_of_the_shell_executor_go_both_ways(void **s) {
  (void)s;
  struct crontab *c =
      read_text("SHELL=/bin/bash\nHOME=/srv/app\nX='a \"b'\n0 0 * * * cat \\% é%in\n", CRONTAB_USER);
  BUF_AUTO struct buf text = buf_new(4096);
  struct json_writer w = jw_new(&text);
  crontab_params_to_json(&c->jobs[0], &w);
  CHECK_STR(buf_str(&text),
            STR("{\"command\":\"cat % é\",\"shell\":\"/bin/bash\",\"stdin\":\"in\\n\",\"env\":{\"SHELL\":"
                "\"/bin/bash\",\"HOME\":\"/srv/app\",\"X\":\"a \\\"b\"},\"cwd\":\"/srv/app\"}"));
  JSON_AUTO json_t *params = NULL;
  CHECK_OK(json_parse(buf_str(&text), &params, NULL));
  ARENA_AUTO struct arena arena = arena_new(100000);
  struct crontab_job job = {.schedule = c->jobs[0].schedule};
  CHECK_OK(crontab_params_from_json(params, &arena, &job, NULL));
  check_same_job(&c->jobs[0], &job);
  crontab_free(c);
}

static void parameters_without_env_give_shell_and_home_from_their_own(void **s) {
  (void)s;
  JSON_AUTO json_t *params = NULL, *none = NULL;
  CHECK_OK(json_parse(STR("{\"command\":\"x\",\"shell\":\"/bin/zsh\",\"cwd\":\"/w\"}"), &params, NULL));
  CHECK_OK(json_parse(STR("{\"shell\":\"/bin/zsh\"}"), &none, NULL));
  ARENA_AUTO struct arena arena = arena_new(100000);
  struct crontab_job job = {};
  CHECK_OK(crontab_params_from_json(params, &arena, &job, NULL));
  assert_string_equal(crontab_variable_of(&job, "SHELL"), "/bin/zsh");
  assert_string_equal(crontab_variable_of(&job, "HOME"), "/w");
  assert_int_equal(crontab_params_from_json(none, &arena, &job, NULL), ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries_keep_schedule_command_and_input),
      cmocka_unit_test(a_line_that_cron_refuses_is_refused_with_its_place),
      cmocka_unit_test(refusals_name_their_line_and_leave_the_others),
      cmocka_unit_test(a_leading_dash_means_quiet),
      cmocka_unit_test(system_tables_name_a_user),
      cmocka_unit_test(variables_follow_crons_rules_of_quotes_and_blanks),
      cmocka_unit_test(variables_hold_from_their_line_on),
      cmocka_unit_test(an_unknown_zone_refuses_the_entries_under_it),
      cmocka_unit_test(mailto_is_noted_and_kept),
      cmocka_unit_test(comments_right_above_become_the_description),
      cmocka_unit_test(names_come_from_the_command_and_are_unique),
      cmocka_unit_test(cr_lf_and_a_missing_last_newline_are_taken),
      cmocka_unit_test(what_is_no_crontab_is_refused_whole),
      cmocka_unit_test(a_long_line_is_refused_and_the_next_is_read),
      cmocka_unit_test(notes_are_bounded_but_refusals_are_all_counted),
      cmocka_unit_test(packaged_tables_round_trip),
      cmocka_unit_test(every_input_and_command_cron_can_say_round_trips),
      cmocka_unit_test(what_cron_cannot_say_is_a_comment_with_the_reason),
      cmocka_unit_test(jobs_of_different_variables_each_get_their_own),
      cmocka_unit_test(jobs_without_a_zone_are_written_before_those_with_one),
      cmocka_unit_test(parameters_of_the_shell_executor_go_both_ways),
      cmocka_unit_test(parameters_without_env_give_shell_and_home_from_their_own),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
