/* What only a file can get wrong: modes, locks, damage, kills, copies. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "store/sqlite_file.h"
#include "tests/support/store_fixture.h"

static int setup(void **state) {
  static struct harness h;
  harness_open(&h, HARNESS_SQLITE);
  *state = &h;
  return 0;
}

static int teardown(void **state) {
  harness_close(*state);
  return 0;
}

static void close_backend(struct harness *h) {
  store_boot_free(&h->boot);
  if (h->backend) h->backend->ops->close(h->backend);
  h->backend = NULL;
}

static enum err try_open(struct harness *h, struct err_detail *detail) {
  *detail = (struct err_detail){};
  return store_sqlite_open(&h->config, &h->backend, &h->boot, detail);
}

/* SQL from outside: triggers on, foreign keys on, no connection of ours. */
static sqlite3 *outside(struct harness *h) {
  char path[256];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/%s", h->folder, STORE_FILE);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL), SQLITE_OK);
  return db;
}

static void sql(sqlite3 *db, const char *text) {
  char *message = NULL;
  if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", text, message);
}

/* With the server stopped, then started again. */
static void sql_outside(struct harness *h, const char *text) {
  close_backend(h);
  sqlite3 *db = outside(h);
  sql(db, text);
  sqlite3_close(db);
  struct err_detail detail;
  if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message);
}

static int64_t number(sqlite3 *db, const char *text) {
  int64_t n = -1;
  CHECK_OK(sqlite_number(db, text, &n, NULL));
  return n;
}

static const char *text_of(sqlite3 *db, const char *query) {
  static char text[512];
  sqlite3_stmt *s;
  assert_int_equal(sqlite3_prepare_v2(db, query, -1, &s, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  const char *value = (const char *)sqlite3_column_text(s, 0);
  snprintf(text, sizeof text, "%s", value ? value : "NULL");
  sqlite3_finalize(s);
  return text;
}

/* ---- the file ---- */

static void files_are_private(void **state) {
  struct harness *h = *state;
  static const char *const names[] = {"", "/sereno.db", "/sereno.db-wal", "/lock"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", h->folder, names[i]);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, i == 0 ? 0700 : 0600);
  }
}

static void second_server_is_refused(void **state) {
  struct harness *h = *state;
  struct store_backend *other;
  struct store_boot boot;
  struct err_detail detail = {};
  assert_int_equal(store_sqlite_open(&h->config, &other, &boot, &detail), ERR_CONFLICT);
  assert_string_equal(detail.field, "data");
}

static void newer_schema_is_refused(void **state) {
  struct harness *h = *state;
  struct err_detail detail;
  close_backend(h);
  sqlite3 *db = outside(h);
  sql(db, "PRAGMA user_version=99");
  sqlite3_close(db);
  assert_int_equal(try_open(h, &detail), ERR_STORE_SCHEMA);
  assert_non_null(strstr(detail.message, "99"));
  assert_true(detail.hint[0] != 0);
  struct store_backend *reader = NULL; /* an audit of it would prove nothing */
  assert_int_equal(store_sqlite_open_reader(h->folder, NULL, &reader, &detail), ERR_STORE_SCHEMA);
  db = outside(h);
  assert_int_equal(number(db, "PRAGMA user_version"), 99); /* untouched */
  sqlite3_close(db);
}

static void overwrite(struct harness *h, long at, const char *bytes, size_t n) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", h->folder, STORE_FILE);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
  close(fd);
}

static void damage_is_named(void **state) {
  struct harness *h = *state;
  struct err_detail detail;
  for (int i = 0; i < 50; i++) harness_job(h, id_to_text(harness_next_run_no(h)).text, "@daily");
  close_backend(h);
  char junk[4096];
  memset(junk, 0x5a, sizeof junk);
  overwrite(h, 4096 * 3, junk, sizeof junk);
  assert_int_equal(try_open(h, &detail), ERR_STORE_CORRUPT);
  overwrite(h, 0, junk, sizeof junk);
  assert_int_equal(try_open(h, &detail), ERR_STORE_CORRUPT);
  assert_true(detail.message[0] != 0);
}

static void other_databases_are_left_alone(void **state) {
  struct harness *h = *state;
  struct err_detail detail;
  close_backend(h);
  sqlite3 *db = outside(h);
  sql(db, "PRAGMA application_id=7");
  sqlite3_close(db);
  assert_int_equal(try_open(h, &detail), ERR_STORE_CORRUPT);
}

static void space_comes_back_after_retention(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@yearly");
  char output[8000];
  memset(output, 'x', sizeof output - 1);
  output[sizeof output - 1] = 0;
  for (int i = 0; i < 600; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
    c->run.run.output = output;
    harness_do(h, c);
  }
  h->now_ms += 31 * DAY;
  for (bool has_more = true; has_more;) {
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    c->retain.max_rows = 50;
    CHECK_OK(harness_apply(h, c));
    has_more = c->retain.has_more;
    change_free(c);
  }
  close_backend(h);
  sqlite3 *db = outside(h);
  int64_t pages = number(db, "PRAGMA page_count"), unused = number(db, "PRAGMA freelist_count");
  sqlite3_close(db);
  assert_true(pages < 600 && pages * 10 <= (pages - unused) * 12); /* U-28: at most 1.2 x what is live */
}

/* ---- the schema others see ---- */

static void tables_have_the_seeds_columns(void **state) {
  struct harness *h = *state;
  static const struct {
    int line;
    const char *query;
    int64_t want;
  } rows[] = {
      {__LINE__, "SELECT pk FROM pragma_table_info('CronJob') WHERE name='id'", 1},
      {__LINE__,
       "SELECT count(*) FROM pragma_table_info('CronJob') WHERE name IN "
       "('id','name','description','schedule',"
       "'command','isActive','timeout','retries','retryDelay','category','priority','maxRuntime',"
       "'allowConcurrent','systemId','createdAt','updatedAt','lastRunAt','nextRunAt')",
       18},
      {__LINE__,
       "SELECT count(*) FROM pragma_table_info('CronJob') WHERE \"notnull\"=0 AND name IN "
       "('timezone','params',"
       "'backoffStrategy','alertOnFailure','alertChannels','escalateAfter','disableAfter','critical',"
       "'misfirePolicy','startWindow','catchUpWindow','catchUpMax','queueTimeout','overlapPolicy',"
       "'concurrencyKey','pool','onCrash','dst','dialect','splay','group','totalTimeout','memoryLimitMB',"
       "'cpuLimitPct','noNewPrivs','runAs','labels')",
       27},
      {__LINE__,
       "SELECT count(*) FROM pragma_table_info('CronExecution') WHERE name IN ('id','jobId','status',"
       "'startedAt','finishedAt','duration','output','errorMessage','exitCode','triggeredBy','attempt',"
       "'memoryUsed','cpuUsed')",
       13},
      {__LINE__,
       "SELECT count(*) FROM pragma_table_info('CronSettings') WHERE name IN ('id','systemId','isEnabled',"
       "'maxConcurrentJobs','defaultTimeout','keepExecutions','cleanupDays','alertOnFailure','alertEmail',"
       "'slackWebhook','timezone','createdAt','updatedAt','backoffStrategy','alertChannels','escalateAfter',"
       "'disableAfter','webhookUrl','keepLastPerJob')",
       19},
      {__LINE__,
       "SELECT count(*) FROM pragma_index_list('CronJob') WHERE name IN ('CronJob_systemId_idx',"
       "'CronJob_isActive_idx','CronJob_nextRunAt_idx','CronJob_category_idx','CronJob_name_key')",
       5},
      {__LINE__,
       "SELECT count(*) FROM pragma_index_list('CronExecution') WHERE name IN ('CronExecution_jobId_idx',"
       "'CronExecution_status_idx','CronExecution_startedAt_idx')",
       3},
      {__LINE__, "SELECT count(*) FROM \"System\"", 1},
      {__LINE__, "SELECT count(*) FROM \"CronSettings\" WHERE \"timezone\"='Europe/Madrid' AND \"isEnabled\"",
       1},
  };
  close_backend(h);
  sqlite3 *db = outside(h);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, number(db, rows[i].query) == rows[i].want);
  sqlite3_close(db);
}

static void instants_are_readable_text(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "* * * * *");
  h->now_ms += MINUTE;
  harness_work(h, RUN_SUCCESS);
  harness_touch(h);
  close_backend(h);
  sqlite3 *db = outside(h);
  assert_string_equal(text_of(db, "SELECT \"startedAt\" FROM \"CronExecution\""), "2025-11-21T12:01:00.000Z");
  assert_string_equal(text_of(db, "SELECT \"finishedAt\" FROM \"CronExecution\""),
                      "2025-11-21T12:01:00.005Z");
  assert_string_equal(text_of(db, "SELECT \"nextRunAt\" FROM \"CronJob\""), "2025-11-21T12:02:00.000Z");
  assert_string_equal(text_of(db, "SELECT \"status\" FROM \"CronExecution\""), "success");
  sql(db, "UPDATE \"CronJob\" SET \"updatedAt\"='2026-01-02 03:04:05'");
  assert_string_equal(text_of(db, "SELECT \"updatedAt\" FROM \"CronJob\""), "2026-01-02T03:04:05.000Z");
  sql(db, "UPDATE \"CronJob\" SET \"updatedAt\"=1767323045678"); /* as Prisma writes it */
  assert_string_equal(text_of(db, "SELECT \"updatedAt\" FROM \"CronJob\""), "2026-01-02T03:04:05.678Z");
  sql(db, "DELETE FROM \"CronJob\"");
  assert_int_equal(number(db, "SELECT count(*) FROM \"CronExecution\""), 0); /* C-39 */
  assert_true(number(db, "SELECT count(*) FROM \"CronOccurrence\"") > 0);
  sqlite3_close(db);
}

static void sql_from_outside_governs_from_the_next_start(void **state) {
  struct harness *h = *state;
  int64_t a = harness_job(h, "a", "* * * * *"), b = harness_job(h, "b", "* * * * *"),
          c = harness_job(h, "c", "* * * * *");
  h->config.now_ms = h->now_ms = NOON + 3 * MINUTE + 30 * SECOND;
  sql_outside(
      h,
      "UPDATE CronJob SET schedule='*/10 * * * *' WHERE name='a';"
      "UPDATE CronJob SET schedule='75 * * * *' WHERE name='b';"
      "DELETE FROM CronJob WHERE name='c';"
      "UPDATE CronSettings SET timezone='Asia/Tokyo';"
      "INSERT INTO CronJob(id,name,schedule,command,systemId,timezone) SELECT 'outside1','d','*/5 * * * *',"
      "'shell',id,'UTC' FROM System;");
  assert_string_equal(h->boot.settings->timezone, "Asia/Tokyo");
  /* what fell due until then was the old schedule's */
  assert_string_equal(harness_ledger(h, a), "12:01:00-12:02:00 x2 missed/superseded; 12:03:00 pending");
  assert_string_equal(harness_ledger(h, c),
                      "12:01:00-12:02:00 x2 missed/superseded; 12:03:00 skipped/disabled");
  struct job *job = harness_get_job(h, b);
  assert_int_equal(job->is_active, 0);
  assert_non_null(strstr(job->disabled_reason, "minute"));
  job_unref(job);
  struct store_read *r = harness_read(h, READ_JOB);
  r->name = STR("d");
  harness_ask(h, r);
  int64_t d = r->jobs[0].job->no;
  store_read_free(r);
  h->now_ms = NOON + 5 * MINUTE;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, d), "12:05:00 ran/success");
  h->now_ms = NOON + 10 * MINUTE;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 2);
  harness_finish_claims(h, a);
  harness_finish_claims(h, b);
  assert_string_equal(harness_audit(h), "");
  sql_outside(h, "UPDATE CronSettings SET timezone='Mars/Olympus'");
  assert_string_equal(h->boot.settings->timezone, "Asia/Tokyo");
  sql_outside(h, "UPDATE CronSettings SET maxConcurrentJobs=-5");
  assert_int_equal(h->boot.settings->max_concurrent, 5);
}

static void what_sql_spoilt_is_told_and_the_rest_stays(void **state) {
  static const struct {
    const char *name, *set, *schedule, *timezone, *reason;
  } rows[] = {
      {"a", "retries=-1", "*/7 * * * *", "UTC", "retries: "},
      {"b", "schedule='75 1 * * *', timezone='Asia/Tokyo'", "@yearly", "Asia/Tokyo",
       "(schedule: 75 1 * * *, timezone: Asia/Tokyo)"},
      {"c", "timezone='Mars/Olympus'", "*/7 * * * *", NULL,
       "(schedule: */7 * * * *, timezone: Mars/Olympus)"},
      {"d", "schedule='x', timezone='Mars/Olympus'", "@yearly", NULL,
       "(schedule: x, timezone: Mars/Olympus)"},
  };
  struct harness *h = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t no = harness_job(h, rows[i].name, "*/7 * * * *");
    char text[200];
    snprintf(text, sizeof text, "UPDATE CronJob SET %s WHERE name='%s'", rows[i].set, rows[i].name);
    sql_outside(h, text);
    struct job *job = harness_get_job(h, no);
    assert_int_equal(job->is_active, 0);
    assert_string_equal(job->schedule, rows[i].schedule);
    assert_string_equal(job->timezone ? job->timezone : "-", rows[i].timezone ? rows[i].timezone : "-");
    assert_non_null(strstr(job->disabled_reason, rows[i].reason));
    job_unref(job);
  }
}

/* ---- the proof must be able to fail ---- */

static void audit_finds_planted_faults(void **state) {
  static const struct {
    int line;
    const char *fault, *want;
  } rows[] = {
      {__LINE__, "DELETE FROM CronOccurrence WHERE dueAt=1763726460000", "no_row run_without_occurrence"},
      {__LINE__, "UPDATE CronOccurrence SET dueAt=dueAt+1000 WHERE dueAt=1763726460000",
       "unexpected_row no_row run_without_occurrence"},
      {__LINE__,
       "UPDATE CronExecution SET dueAt='2025-11-21T12:01:30.000Z' WHERE dueAt='2025-11-21T12:01:00.000Z'",
       "run_without_occurrence"},
      {__LINE__,
       "INSERT INTO CronExecution(id,jobId,jobNo,status,attempt,triggeredBy,dueAt) SELECT "
       "'c000000000000100000000000',jobId,jobNo,status,2,triggeredBy,dueAt FROM CronExecution WHERE "
       "dueAt='2025-11-21T12:01:00.000Z'",
       NULL}, /* its id has to be one of ours: see below */
      {__LINE__, "UPDATE CronOccurrence SET state=0, reason=0 WHERE dueAt=1763726460000",
       "stuck_pending verdict_differs"},
      {__LINE__, "UPDATE CronOccurrence SET version=7 WHERE dueAt=1763726460000", "wrong_version"},
      {__LINE__, "UPDATE CronMissed SET count=count-1 WHERE first=1763726640000", "gap_count"},
      {__LINE__, "DELETE FROM CronMissed WHERE first=1763726640000", "no_row no_row no_row"},
      {__LINE__, "UPDATE CronOccurrence SET attempts=2 WHERE dueAt=1763726460000", "attempts_differ"},
  };
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int i = 0; i < 3; i++) {
    h->now_ms += MINUTE;
    harness_work(h, RUN_SUCCESS);
  }
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED));
  h->now_ms += 3 * MINUTE;
  harness_work(h, RUN_SUCCESS);
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_OPEN));
  h->now_ms += 10 * MINUTE;
  while (harness_work(h, RUN_SUCCESS)) {
  }
  assert_string_equal(harness_audit(h), "");
  close_backend(h);
  char good[256], path[256], command[1400];
  snprintf(good, sizeof good, "%s/good", h->folder);
  snprintf(path, sizeof path, "%s/%s", h->folder, STORE_FILE);
  sqlite3 *db = outside(h);
  snprintf(command, sizeof command, "VACUUM INTO '%s'", good);
  sql(db, command);
  sqlite3_close(db);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    unlink(path);
    db = outside(h);
    sqlite3_close(db);
    sqlite3 *from, *to;
    assert_int_equal(sqlite3_open(good, &from), SQLITE_OK);
    assert_int_equal(sqlite3_open(path, &to), SQLITE_OK);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
    sqlite3_backup_finish(b);
    sqlite3_close(from);
    snprintf(command, sizeof command, "%s", rows[i].fault);
    if (!rows[i].want)
      snprintf(command, sizeof command,
               "INSERT INTO CronExecution(id,jobId,jobNo,status,attempt,triggeredBy,dueAt) SELECT "
               "'%s',jobId,jobNo,status,"
               "2,triggeredBy,dueAt FROM CronExecution WHERE dueAt='2025-11-21T12:01:00.000Z'",
               id_to_text(harness_next_run_no(h)).text);
    sql(to, command);
    if (sqlite3_changes(to) == 0) fail_msg("row at line %d changes nothing", rows[i].line);
    sqlite3_close(to);
    struct err_detail detail;
    if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message);
    check_str_eq(str_of(harness_audit(h)), str_of(rows[i].want ? rows[i].want : "double_run double_run"),
                 rows[i].line);
    close_backend(h);
  }
  unlink(good);
}

static void changed_audit_row_is_found(void **state) {
  static const struct {
    int line;
    const char *fault;
    int64_t want;
  } rows[] = {
      {__LINE__, "UPDATE CronAudit SET actor='user:eve' WHERE seq=3", 3},
      {__LINE__, "DELETE FROM CronAudit WHERE seq=2", 2},
      {__LINE__,
       "UPDATE CronAudit SET seq=-seq; UPDATE CronAudit SET seq=CASE seq WHEN -1 THEN 2 WHEN -2 THEN 1 ELSE "
       "-seq END",
       1},
  };
  struct harness *h = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    harness_close(h);
    harness_open(h, HARNESS_SQLITE);
    for (int n = 0; n < 4; n++) {
      struct change *c = change_new(CHANGE_AUDIT, h->now_ms + n);
      c->audit = (struct audit_note){.actor = "user:ana", .action = "login", .object = n % 2 ? "a" : "b"};
      harness_do(h, c);
    }
    sql_outside(h, rows[i].fault);
    struct store_read *r = harness_read(h, READ_AUDIT_VERIFY);
    harness_ask(h, r);
    CHECK_ROW(rows[i].line, r->proof.first_bad == rows[i].want);
    store_read_free(r);
  }
}

/* ---- kills ---- */

/* The child acknowledges by a byte after each commit; what was acknowledged must be there. */
static void acknowledged_survives_a_kill(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "* * * * * *");
  for (int round = 0; round < 8; round++) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    close_backend(h);
    pid_t child = fork();
    if (child == 0) {
      struct err_detail detail;
      if (try_open(h, &detail) != ERR_OK) _exit(1);
      for (;;) {
        h->now_ms += SECOND;
        harness_work(h, RUN_SUCCESS);
        if (write(pipes[1], &h->now_ms, sizeof h->now_ms) < 0) _exit(1);
      }
    }
    int64_t last_ms = 0, seen_ms;
    for (int i = 0; i < 3 + round * 5; i++) {
      assert_int_equal(read(pipes[0], &seen_ms, sizeof seen_ms), sizeof seen_ms);
      last_ms = seen_ms;
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipes[1]);
    while (read(pipes[0], &seen_ms, sizeof seen_ms) == sizeof seen_ms) last_ms = seen_ms;
    close(pipes[0]);
    h->config.now_ms = h->now_ms = last_ms;
    struct err_detail detail;
    if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message);
    assert_true(h->boot.unfinished_count <= 1);
    h->last_run = h->boot.last_run_no;
    for (size_t i = 0; i < h->boot.unfinished_count; i++) { /* what a server settles at its start */
      const struct unfinished *u = &h->boot.unfinished[i];
      int64_t run = u->has_run ? u->run.no : harness_next_run_no(h);
      harness_do(h, harness_run(h, CHANGE_END, run, u->job->no, u->due_ms));
    }
    struct store_read *r = harness_read(h, READ_OCCURRENCES);
    r->no = 1;
    harness_ask(h, r);
    assert_true(r->count > 0 && r->occurrences[0].due_ms >= last_ms);
    h->now_ms = r->occurrences[0].due_ms;
    store_read_free(r);
    assert_string_equal(harness_audit(h), "");
  }
}

/* ---- copies ---- */

static void backup_path(const struct harness *h, char path[256]) {
  snprintf(path, 256, "%s/copy.db", h->folder);
}

static void back_up(struct harness *h, struct store_backend *from) {
  char path[256];
  backup_path(h, path);
  struct store_read *r = harness_read(h, READ_BACKUP);
  r->path = str_of(path);
  CHECK_OK(from->ops->read(from, r));
  store_read_free(r);
}

static void restored_store_goes_on_above_every_epoch(void **state) {
  struct harness *h = *state;
  char path[256];
  backup_path(h, path);
  int64_t no = harness_job(h, "a", "0 * * * *");
  h->now_ms += HOUR;
  harness_work(h, RUN_SUCCESS);
  struct store_backend *reader;
  CHECK_OK(h->backend->ops->open_reader(h->backend, &reader));
  back_up(h, reader);
  reader->ops->close(reader);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  h->now_ms += HOUR;
  harness_work(h, RUN_SUCCESS);
  harness_reopen(h, h->now_ms, NULL);
  harness_reopen(h, h->now_ms, NULL);
  int64_t seen = h->boot.epoch;
  struct err_detail detail = {};
  assert_int_equal(store_restore(h->folder, path, h->now_ms, &detail), ERR_CONFLICT); /* it runs */
  close_backend(h);
  h->now_ms = h->config.now_ms = h->now_ms + 3 * HOUR + MINUTE;
  CHECK_OK(store_restore(h->folder, path, h->now_ms, &detail));
  if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message);
  assert_true(h->boot.was_restored);
  assert_true(h->boot.epoch > seen);
  assert_string_equal(harness_ledger(h, no), "13:00:00 ran/success; 14:00:00-17:00:00 x4 missed/restored");
  harness_reopen(h, h->now_ms, NULL);
  assert_false(h->boot.was_restored);
  h->now_ms += HOUR;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_audit(h), "");
}

/* All that was open when the copy was made has run on since: started again, it would run twice. */
static void nothing_that_was_open_in_a_backup_starts_again(void **state) {
  struct harness *h = *state;
  char path[256];
  backup_path(h, path);
  int64_t no = harness_job(h, "a", "0 * * * *");
  struct change *c = harness_claim(h, h->now_ms + HOUR);
  harness_do(h, c);
  harness_do(h, harness_run(h, CHANGE_START, harness_next_run_no(h), no, INSTANT_NONE));
  c = harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), no, INSTANT_NONE);
  c->run.run.status = RUN_QUEUED;
  harness_do(h, c);
  struct store_backend *reader;
  CHECK_OK(h->backend->ops->open_reader(h->backend, &reader));
  back_up(h, reader);
  reader->ops->close(reader);
  close_backend(h);
  struct err_detail detail = {};
  h->now_ms = h->config.now_ms = h->now_ms + MINUTE;
  CHECK_OK(store_restore(h->folder, path, h->now_ms, &detail));
  if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message);
  assert_true(h->boot.is_same_boot);
  assert_int_equal(h->boot.unfinished_count, 0);
  assert_string_equal(harness_ledger(h, no), "13:00:00 missed/restored");
  struct store_read *r = harness_read(h, READ_RUNS);
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  assert_int_equal(r->runs[0].run.status, RUN_SKIPPED);
  assert_int_equal(r->runs[1].run.status, RUN_LOST);
  store_read_free(r);
  assert_string_equal(harness_audit(h), "");
}

static void restore_refuses_what_is_no_backup(void **state) {
  struct harness *h = *state;
  char path[256];
  backup_path(h, path);
  struct err_detail detail = {};
  close_backend(h);
  assert_int_equal(store_restore(h->folder, path, h->now_ms, &detail), ERR_NOT_FOUND);
  FILE *f = fopen(path, "w");
  fputs("not a database, but long enough to look at", f);
  fclose(f);
  assert_int_equal(store_restore(h->folder, path, h->now_ms, &detail), ERR_STORE_CORRUPT);
  if (try_open(h, &detail) != ERR_OK) fail_msg("%s", detail.message); /* what was there is there */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(files_are_private),
      T(second_server_is_refused),
      T(newer_schema_is_refused),
      T(damage_is_named),
      T(other_databases_are_left_alone),
      T(space_comes_back_after_retention),
      T(tables_have_the_seeds_columns),
      T(instants_are_readable_text),
      T(sql_from_outside_governs_from_the_next_start),
      T(what_sql_spoilt_is_told_and_the_rest_stays),
      T(audit_finds_planted_faults),
      T(changed_audit_row_is_found),
      T(acknowledged_survives_a_kill),
      T(restored_store_goes_on_above_every_epoch),
      T(nothing_that_was_open_in_a_backup_starts_again),
      T(restore_refuses_what_is_no_backup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
