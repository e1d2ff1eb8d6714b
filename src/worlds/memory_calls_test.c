/* The job memory-consolidation and what is seen of a world's memory, by the real executor, on SQLite and PostgreSQL. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/memory_fixture.h"
#include "tests/support/worlds_fixture.h"
#include "warden/child.h"
#include "worlds/memory_store.h"
#include "worlds/sql.h"

struct job {
  struct worlds_fixture *f;
  int64_t calls;                                     /* made so far */
  int64_t dies_at;                                   /* with this call; 0: never */
  bool dies_after;                                   /* its answer is lost; else it is not carried out */
  const char *last;                                  /* the call at which it died */
  void (*before)(struct job *job, const char *call); /* somebody else comes between */
};

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct job *job = arg;
  struct world_reply r = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = job->f->now_ms,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job:memory-consolidation")},
                            .args = args,
                            .payload = payload ? *payload : STR_NONE};
  if (!q.call) fail_msg("there is no call %s", call);
  bool is_dead = job->dies_at && ++job->calls >= job->dies_at;
  bool is_lost = job->dies_at && job->calls == job->dies_at && job->dies_after;
  if (job->calls == job->dies_at) job->last = call;
  if (job->before && !is_dead) job->before(job, call);
  enum err e = is_dead && !is_lost ? ERR_UNAVAILABLE : worlds_call(&job->f->lane, &q, &r);
  json_decref(args);
  *detail = r.detail;
  if (is_dead) e = ERR_UNAVAILABLE;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(r.body);
  if (e == ERR_OK && ret_payload && r.payload.len) {
    *ret_payload = (struct str){r.payload.ptr, r.payload.len};
    r.payload = (struct buf){};
  }
  world_reply_free(&r);
  return e;
}

static int run_with(struct job *job, const char *params, json_t **ret) {
  struct child_context context = {.run_id = STR("run"), .job_id = STR("job"), .deadline_ms = INSTANT_NEVER};
  context.due_ms = job->f->now_ms;
  JSON_AUTO json_t *given = NULL;
  CHECK_OK(json_parse(str_of(params), &given, NULL));
  return child_run_here(executor_find(STR("memory-consolidation")), &context, given, call_here, job, ret);
}

static json_t *run(struct worlds_fixture *f, const char *params) {
  struct job job = {.f = f};
  json_t *result = NULL;
  int code = run_with(&job, params, &result);
  if (code != EXECUTOR_OK || !result) fail_msg("exit code %d", code);
  return result;
}

static int64_t number(const json_t *result, const char *key) {
  return (int64_t)json_number_value(json_object_get(result, key));
}

/* ---- rows ---- */

static void insert(struct worlds_fixture *f, const char *id, const struct memory_item *m) {
  CHECK_OK(sqldb_exec(f->lane.db, SQL_MEMORY_INSERT,
                      SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(m->turn), SQL_VALUE_INSTANT(m->at_ms),
                               SQL_VALUE_STR(m->speaker), SQL_VALUE_BOOL(m->is_user), SQL_VALUE_STR(m->place),
                               SQL_VALUE_STR(m->text), SQL_VALUE_STR(m->data)),
                      NULL, NULL));
}

/* Each @ of a statement becomes the world's id. */
static const char *with_id(const char *sql, const char *id) {
  static char text[1024];
  size_t n = 0;
  for (const char *c = sql; *c; c++) {
    size_t len = *c == '@' ? strlen(id) : 1;
    assert_true(n + len < sizeof text);
    memcpy(text + n, *c == '@' ? id : c, len);
    n += len;
  }
  text[n] = '\0';
  return text;
}

static void sql(struct worlds_fixture *f, const char *text, const char *id) {
  worlds_sql(f, with_id(text, id));
}

/* Turns from … to; a text of `bytes` when that is not 0. */
static void fill(struct worlds_fixture *f, const char *id, int64_t from, int64_t to, size_t bytes) {
  ARENA_AUTO struct arena arena = arena_new((size_t)64 * 1024 * 1024);
  CHECK_OK(sqldb_begin(f->lane.db, true, NULL));
  for (int64_t turn = from; turn <= to; turn++) {
    struct memory_item m = story_item(TEXT_ES, turn, &arena);
    if (bytes) {
      char *long_text = arena_alloc(&arena, bytes);
      for (size_t i = 0; i < bytes; i++) long_text[i] = m.text.ptr[i % m.text.len];
      while (bytes && ((unsigned char)long_text[bytes - 1] & 0x80)) long_text[bytes-- - 1] = '.';
      m.text = (struct str){long_text, bytes};
    }
    insert(f, id, &m);
  }
  CHECK_OK(sqldb_commit(f->lane.db, NULL));
  sql(f,
      "UPDATE \"World\" SET \"interactions\"=(SELECT count(*) FROM \"WorldInteraction\" WHERE "
      "\"worldId\"='@') WHERE "
      "\"id\"='@'",
      id);
}

static int64_t count_of(struct worlds_fixture *f, const char *sql_text, const char *id) {
  int64_t n = -1;
  assert_true(str_to_int(str_of(worlds_value(f, with_id(sql_text, id))), INT64_MIN, INT64_MAX, &n));
  return n;
}

#define HOT "SELECT CAST(count(*) AS TEXT) FROM \"WorldInteraction\" WHERE \"worldId\"='@'"
#define SUMMARIES "SELECT CAST(count(*) AS TEXT) FROM \"WorldSummary\" WHERE \"worldId\"='@'"
#define SEGMENTS "SELECT CAST(count(*) AS TEXT) FROM \"InteractionArchive\" WHERE \"worldId\"='@'"

/* Rows of a world as lines: what the archive should hold of them. */
static void hot_lines(struct worlds_fixture *f, const char *id, struct buf *out) {
  struct memory_item *items;
  size_t count;
  CHECK_OK(memory_rows(
      &f->lane, SQL_MEMORY_ROWS,
      SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(INT64_MIN), SQL_VALUE_INT(INT64_MAX), SQL_VALUE_INT(100000)),
      100000, &items, &count));
  for (size_t i = 0; i < count; i++) assert_true(segment_add(out, &items[i]));
  arena_free(&f->lane.arena);
  f->lane.arena = arena_new((size_t)256 * 1024 * 1024);
}

static void cat(struct worlds_fixture *f, const char *id, int64_t from_turn, struct buf *out) {
  JSON_AUTO json_t *args =
      from_turn < 0 ? json_object() : json_pack("{s:I}", "fromTurn", (json_int_t)from_turn);
  struct world_reply r = {};
  struct world_request q = {.call = world_call_find(STR("world.archive_cat")),
                            .now_ms = f->now_ms,
                            .actor = {ACTOR_USER, STR("ana"), STR("ana")},
                            .world_id = str_of(id),
                            .args = args};
  if (worlds_call(&f->lane, &q, &r) != ERR_OK) fail_msg("%s", r.detail.message);
  buf_add_str(out, buf_str(&r.payload));
  world_reply_free(&r);
}

/* Archive and hot rows together are these lines, each once. */
static void check_whole(struct worlds_fixture *f, const char *id, struct str want) {
  BUF_AUTO struct buf got = buf_new((size_t)256 * 1024 * 1024);
  cat(f, id, -1, &got);
  hot_lines(f, id, &got);
  assert_int_equal(got.len, want.len);
  assert_memory_equal(got.ptr, want.ptr, want.len);
}

static enum worlds_kind kind_of(void **state) { return (enum worlds_kind)(uintptr_t)*state; }
#define OPEN(f)                                    \
  struct worlds_fixture f;                         \
  if (!worlds_fixture_has(kind_of(state))) skip(); \
  worlds_open(&f, kind_of(state))

/* ---- the job ---- */

static void a34_a38_a_thousand_is_not_enough_one_more_is(void **state) {
  OPEN(f);
  make_world(&f, "short", "ana");
  make_world(&f, "long", "ana");
  fill(&f, "short", 1, 1000, 0);
  fill(&f, "long", 1, 1001, 0);
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_int_equal(number(result, "worldsConsolidated"), 1);
  assert_int_equal(count_of(&f, HOT, "short"), 1000);
  assert_int_equal(count_of(&f, HOT, "long"), 100);
  assert_string_equal(world_column(&f, "long", "interactions"), "100");
  worlds_close(&f);
}

static void a35_a39_a40_the_last_hundred_stay_and_a_summary_of_the_rest(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_int_equal(number(result, "interactionsDeleted"), 901);
  assert_int_equal(number(result, "summariesCreated"), count_of(&f, SUMMARIES, "w"));
  assert_int_equal(
      count_of(&f, "SELECT CAST(min(\"turn\") AS TEXT) FROM \"WorldInteraction\" WHERE \"worldId\"='@'", "w"),
      902);
  JSON_AUTO json_t *body = world_ask(&f, "world.summaries", "w", "ana", NULL);
  const json_t *list = json_object_get(body, "summaries");
  const json_t *s = NULL;
  for (size_t i = 0; i < json_array_size(list); i++)
    if (json_int_at(json_array_get(list, i), "level", -9) == 0) s = json_array_get(list, i);
  assert_int_equal(json_int_at(s, "fromTurn", 0), 1);
  assert_int_equal(json_int_at(s, "toTurn", 0), 901);
  assert_int_equal(json_int_at(s, "count", 0), 901);
  CHECK_STR(json_text_at(s, "method"), STR("extractive"));
  assert_true(json_text_at(s, "text").len >= 500);
  worlds_close(&f);
}

/* U-23: the source's hash recomputes from the archive. */
static void a37_u23_the_archive_gives_the_same_bytes_and_the_hash_recomputes(void **state) {
  OPEN(f);
  BUF_AUTO struct buf before = buf_new((size_t)64 * 1024 * 1024), all = buf_new((size_t)64 * 1024 * 1024);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  struct memory_item odd = {.turn = 0,
                            .at_ms = 1,
                            .speaker = STR("Ñ \"x\""),
                            .text = STR("\t\x01€😀\\"),
                            .place = STR(""),
                            .data = STR("{ \"a\" : [1.0] }")};
  insert(&f, "w", &odd);
  hot_lines(&f, "w", &before);
  json_decref(run(&f, "{}"));
  cat(&f, "w", -1, &all);
  assert_memory_equal(all.ptr, before.ptr, all.len);
  check_whole(&f, "w", buf_str(&before));
  char hex[SEGMENT_SHA256_LEN + 1];
  segment_sha256(buf_str(&all), hex);
  assert_string_equal(worlds_value(&f, "SELECT \"sourceHash\" FROM \"WorldSummary\" WHERE \"level\"=0"), hex);
  assert_string_equal(worlds_value(&f, "SELECT \"sha256\" FROM \"InteractionArchive\""), hex);
  worlds_close(&f);
}

static void a41_a42_a44_freed_bytes_are_estimated_and_measured(void **state) {
  static const size_t sizes[] = {1024, 2048, 4096};
  for (size_t i = 0; i < 3; i++) {
    OPEN(f);
    make_world(&f, "w", "ana");
    fill(&f, "w", 1, 1001, sizes[i]);
    JSON_AUTO json_t *result = run(&f, "{}");
    double before = (double)number(result, "hotBytesBefore"), after = (double)number(result, "hotBytesAfter");
    double mb = json_number_value(json_object_get(result, "estimatedMemoryFreedMB"));
    double mean = json_number_value(json_object_get(result, "averageInteractionBytes"));
    assert_true(fabs(mb - 901.0 * 2 / 1024) < 0.001);
    assert_true(mean > (double)sizes[i] * 0.9 && mean < (double)sizes[i] * 1.1);
    if (sizes[i] >= 2048) assert_true(1 - after / before >= 0.85);
    assert_true(number(result, "archiveBytes") > 0);
    worlds_close(&f);
  }
}

static void long_worlds_go_by_segments_until_a_hundred_remain(void **state) {
  OPEN(f);
  BUF_AUTO struct buf before = buf_new((size_t)64 * 1024 * 1024);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 2350, 0);
  hot_lines(&f, "w", &before);
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_int_equal(number(result, "interactionsDeleted"), 2250);
  assert_int_equal(number(result, "segmentsArchived"), 3);
  assert_int_equal(count_of(&f, HOT, "w"), 100);
  check_whole(&f, "w", buf_str(&before));
  worlds_close(&f);
}

static void a_dry_run_tells_and_changes_nothing(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  JSON_AUTO json_t *result = run(&f, "{\"dryRun\":true}");
  assert_int_equal(number(result, "worldsConsolidated"), 1);
  assert_int_equal(number(result, "interactionsDeleted"), 901);
  assert_int_equal(count_of(&f, HOT, "w"), 1001);
  assert_int_equal(count_of(&f, SEGMENTS, "w"), 0);
  worlds_close(&f);
}

static void parameters_of_the_job_win_over_the_settings(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 60, 0);
  JSON_AUTO json_t *result = run(&f, "{\"consolidateAbove\":50,\"consolidateKeep\":20}");
  assert_int_equal(number(result, "interactionsDeleted"), 40);
  assert_int_equal(count_of(&f, HOT, "w"), 20);
  worlds_close(&f);
}

/* archiving interactions is not archiving a world. */
static void x30_the_worlds_status_stays(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  json_decref(run(&f, "{}"));
  assert_string_equal(world_column(&f, "w", "status"), "RUNNING");
  assert_int_equal(count_of(&f, SEGMENTS, "w"), 1);
  worlds_close(&f);
}

static void what_is_unsaved_in_the_live_state_is_saved_first(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", -1000, 0,
       0); /* older than what the live state gives; the database's rows alone are counted */
  (void)say(&f, "w", "ana", "hola");
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_int_equal(number(result, "interactionsDeleted"), 902);
  assert_int_equal(count_of(&f,
                            "SELECT CAST(count(*) AS TEXT) FROM \"WorldInteraction\" WHERE \"worldId\"='@' "
                            "AND \"text\"='hola'",
                            "w"),
                   1);
  (void)say(&f, "w", "ana", "y la vida sigue");
  worlds_close(&f);
}

/* ---- crashes ---- */

static void check_all_or_nothing(struct worlds_fixture *f, int64_t rows, struct str want,
                                 const struct job *job) {
  int64_t hot = count_of(f, HOT, "w");
  BUF_AUTO struct buf got = buf_new((size_t)64 * 1024 * 1024);
  cat(f, "w", -1, &got);
  int64_t archived = 0;
  for (size_t i = 0; i < got.len; i++) archived += got.ptr[i] == '\n';
  if (hot + archived != rows)
    fail_msg("%lld rows and %lld archived after a crash at %s", (long long)hot, (long long)archived,
             job->last);
  assert_int_equal(
      count_of(f, SEGMENTS, "w"),
      count_of(f, "SELECT CAST(count(*) AS TEXT) FROM \"WorldSummary\" WHERE \"level\"=0 AND \"worldId\"='@'",
               "w"));
  check_whole(f, "w", want);
}

/* wherever it stops, everything is there, and the next run brings it to the same end. */
static void a37_a_crash_at_any_call_loses_nothing(void **state) {
  OPEN(f);
  BUF_AUTO struct buf before = buf_new((size_t)64 * 1024 * 1024);
  bool is_long = kind_of(state) == WORLDS_EMBEDDED; /* two segments there */
  int64_t rows = is_long ? 1350 : 160, above = is_long ? 1000 : 120;
  const char *params = is_long ? "{}" : "{\"consolidateAbove\":120}";
  int crashes = 0;
  for (int64_t at = 1;; at++) {
    bool has_died = false;
    for (int after = 0; after < 2; after++) {
      worlds_sql(&f,
                 "DELETE FROM \"WorldInteraction\"; DELETE FROM \"WorldSummary\"; DELETE FROM "
                 "\"InteractionArchive\"; DELETE FROM \"World\"");
      make_world(&f, "w", "ana");
      fill(&f, "w", 1, rows, 0);
      buf_clear(&before);
      hot_lines(&f, "w", &before);
      struct job job = {.f = &f, .dies_at = at, .dies_after = after == 1};
      json_t *result = NULL;
      int code = run_with(&job, params, &result);
      json_decref(result);
      if (!job.last) continue; /* it was done before */
      has_died = true;
      crashes++;
      assert_int_not_equal(code, EXECUTOR_OK);
      check_all_or_nothing(&f, rows, buf_str(&before), &job);
      int64_t left = count_of(&f, HOT, "w");
      json_decref(run(&f, params));
      assert_int_equal(count_of(&f, HOT, "w"), left > above ? 100 : left);
      check_whole(&f, "w", buf_str(&before));
    }
    if (!has_died) break;
  }
  assert_true(
      crashes >=
      (is_long ? 24 : 16)); /* page, llm, 2 × (read, archive, commit), merges, reflection, expire, shrink */
  worlds_close(&f);
}

static void somebody_writes(struct job *job, const char *call) {
  if (strcmp(call, "consolidation.commit") != 0 || job->calls++) return;
  worlds_sql(job->f, "UPDATE \"WorldInteraction\" SET \"text\"='changed' WHERE \"turn\"=5");
}

static void rows_that_change_meanwhile_are_read_again(void **state) {
  OPEN(f);
  BUF_AUTO struct buf got = buf_new((size_t)64 * 1024 * 1024);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  struct job job = {.f = &f, .before = somebody_writes};
  json_t *result = NULL;
  assert_int_equal(run_with(&job, "{}", &result), EXECUTOR_OK);
  json_decref(result);
  cat(&f, "w", -1, &got);
  assert_true(str_find(buf_str(&got), STR("\"text\":\"changed\"")) != SIZE_MAX);
  assert_int_equal(count_of(&f, HOT, "w"), 100);
  worlds_close(&f);
}

static void a_world_that_somebody_holds_is_left_for_the_next_night(void **state) {
  OPEN(f);
  struct world_hold hold;
  make_world(&f, "w", "ana");
  make_world(&f, "x", "ana");
  fill(&f, "w", 1, 1001, 0);
  fill(&f, "x", 1, 1001, 0);
  CHECK_OK(world_hold(&f.second, STR("w"), f.now_ms, &hold));
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_int_equal(number(result, "busy"), 1);
  assert_int_equal(count_of(&f, HOT, "w"), 1001);
  assert_int_equal(count_of(&f, HOT, "x"), 100);
  world_release(&f.second, &hold);
  worlds_close(&f);
}

static void a_row_that_is_no_text_stays_and_the_others_go_on(void **state) {
  OPEN(f);
  make_world(&f, "bad", "ana");
  make_world(&f, "good", "ana");
  fill(&f, "bad", 1, 1001, 0);
  fill(&f, "good", 1, 1001, 0);
  if (kind_of(state) == WORLDS_POSTGRES) { /* it takes no such text */
    worlds_close(&f);
    return;
  }
  worlds_sql(&f,
             "UPDATE \"WorldInteraction\" SET \"text\"=CAST(x'61ff62' AS TEXT) WHERE \"worldId\"='bad' AND "
             "\"turn\"=7");
  struct job job = {.f = &f};
  json_t *result = NULL;
  assert_int_equal(run_with(&job, "{}", &result), EXECUTOR_FAILED);
  assert_int_equal(number(result, "failed"), 1);
  assert_int_equal(number(result, "worldsConsolidated"), 1);
  json_decref(result);
  assert_int_equal(count_of(&f, HOT, "bad"), 1001);
  assert_int_equal(count_of(&f, HOT, "good"), 100);
  worlds_close(&f);
}

/* ---- undo ---- */

static void a37_a_segment_put_back_is_the_same_rows_and_goes_again_without_loss(void **state) {
  OPEN(f);
  BUF_AUTO struct buf before = buf_new((size_t)64 * 1024 * 1024), rows = buf_new((size_t)64 * 1024 * 1024);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  hot_lines(&f, "w", &before);
  json_decref(run(&f, "{}"));
  JSON_AUTO json_t *body = world_ask(&f, "world.archive_restore", "w", "ana", "{'fromTurn':1}");
  assert_int_equal(json_int_at(body, "restored", 0), 901);
  assert_string_equal(world_column(&f, "w", "interactions"), "1001");
  hot_lines(&f, "w", &rows);
  assert_int_equal(rows.len, before.len);
  assert_memory_equal(rows.ptr, before.ptr, before.len);
  world_do(&f, "world.archive_restore", "w", "ana", "{'fromTurn':300}"); /* again: nothing to do */
  assert_int_equal(count_of(&f, HOT, "w"), 1001);
  worlds_sql(&f, "DELETE FROM \"WorldInteraction\" WHERE \"turn\"<=400"); /* only a part is left */
  sql(&f, "UPDATE \"World\" SET \"interactions\"=601 WHERE \"id\"='@'", "w");
  json_decref(run(&f, "{\"consolidateAbove\":200}"));
  assert_int_equal(count_of(&f, HOT, "w"), 100);
  assert_int_equal(count_of(&f, SEGMENTS, "w"), 1);
  check_whole(&f, "w", buf_str(&before));
  worlds_close(&f);
}

static void a_missing_segment_is_told_and_nothing_is_put_back(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  json_decref(run(&f, "{}"));
  CHECK_OK(memory_forget_segments(&f.lane, STR("w")));
  assert_int_equal(world_try(&f, &f.lane, "world.archive_restore", "w", "ana", "{'fromTurn':1}", NULL, NULL),
                   ERR_STORE_CORRUPT);
  assert_int_equal(count_of(&f, HOT, "w"), 100);
  worlds_close(&f);
}

static void segments_go_when_they_are_old_or_nothing_refers_to_them(void **state) {
  OPEN(f);
  make_world(&f, "old", "ana");
  make_world(&f, "lost", "ana");
  fill(&f, "old", 1, 1001, 0);
  fill(&f, "lost", 1, 1001, 0);
  json_decref(run(&f, "{}"));
  worlds_sql(&f,
             "DELETE FROM \"InteractionArchive\" WHERE \"worldId\"='lost'"); /* as a crash would leave it */
  JSON_AUTO json_t *soon = run(&f, "{}");
  assert_int_equal(number(soon, "segmentsSwept"), 0); /* it might be waiting for its commit */
  f.now_ms += 2 * WORLDS_HOUR;
  JSON_AUTO json_t *swept = run(&f, "{}");
  assert_int_equal(number(swept, "segmentsSwept"), 1);
  f.now_ms += 89 * WORLDS_DAY;
  JSON_AUTO json_t *young = run(&f, "{}");
  assert_int_equal(number(young, "segmentsExpired"), 0);
  f.now_ms += 2 * WORLDS_DAY;
  JSON_AUTO json_t *expired = run(&f, "{}");
  assert_int_equal(number(expired, "segmentsExpired"), 1);
  assert_int_equal(count_of(&f, SEGMENTS, "old"), 0);
  assert_int_equal(
      count_of(&f,
               "SELECT CAST(count(*) AS TEXT) FROM \"WorldSummary\" WHERE \"level\"=0 AND \"worldId\"='@'",
               "old"),
      1);
  worlds_close(&f);
}

/* U-28: freed pages are given back. */
static void u28_the_file_shrinks(void **state) {
  OPEN(f);
  char path[128];
  struct stat st;
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 5000, 2000);
  int64_t before = 0;
  CHECK_OK(sqldb_live_bytes(f.lane.db, &before, NULL));
  JSON_AUTO json_t *result = run(&f, "{}");
  assert_true(number(result, "databaseLiveBytes") > 0);
  if (kind_of(state) == WORLDS_EMBEDDED) {
    assert_true(number(result, "databaseLiveBytes") < before / 4);
    worlds_reopen(&f); /* the journal is copied into the file */
    (void)snprintf(path, sizeof path, "%s/worlds.db", f.folder);
    assert_int_equal(stat(path, &st), 0);
    int64_t live = 0;
    CHECK_OK(sqldb_live_bytes(f.lane.db, &live, NULL));
    if ((double)st.st_size > (double)live * 1.2)
      fail_msg("%lld bytes of file, %lld of live pages", (long long)st.st_size, (long long)live);
  }
  worlds_close(&f);
}

/* ---- a year ---- */

/* rows and summaries of a world do not grow with its age, and summaries merge. */
static void a36_a_year_of_a_busy_world_stays_bounded(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  const int64_t per_day = 90;
  int64_t most_rows = 0, half = 0, full = 0, turn = 0;
  for (int day = 1; day <= 365; day++) {
    fill(&f, "w", turn + 1, turn + per_day, 0);
    turn += per_day;
    f.now_ms += WORLDS_DAY;
    int64_t rows = count_of(&f, HOT, "w");
    if (rows > most_rows) most_rows = rows;
    if (rows <= 1000) continue;
    JSON_AUTO json_t *result = run(&f, "{\"archiveRetentionDays\":30}");
    int64_t bytes = number(result, "hotBytesAfter");
    if (day <= 183) half = bytes > half ? bytes : half;
    else full = bytes > full ? bytes : full;
  }
  assert_true(most_rows <= 1000 + per_day);
  if (full > half * 3 / 2)
    fail_msg("%lld bytes in the first half of the year, %lld in the second", (long long)half,
             (long long)full);
  assert_true(count_of(&f, SEGMENTS, "w") <= 4);
  assert_true(count_of(&f, "SELECT CAST(max(\"level\") AS TEXT) FROM \"WorldSummary\" WHERE \"worldId\"='@'",
                       "w") >= 1);
  assert_true(count_of(&f, SUMMARIES, "w") <= 1 + 8 + 8 + 12); /* reflection, two levels, traces of a month */
  worlds_close(&f);
}

/* U-23: the hash of a merged one recomputes from the ones it was made of. */
static void u23_merged_summaries_are_traceable(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 8 * 50 + 10, 0);
  for (int i = 1; i <= 8; i++) {
    sql(&f, "UPDATE \"World\" SET \"interactions\"=1000 WHERE \"id\"='@'", "w");
    char params[100];
    (void)snprintf(params, sizeof params, "{\"consolidateAbove\":%d,\"consolidateKeep\":%d}", 410 - i * 50,
                   410 - i * 50);
    json_decref(run(&f, params));
  }
  JSON_AUTO json_t *body = world_ask(&f, "world.summaries", "w", "ana", "{'all':true}");
  const json_t *list = json_object_get(body, "summaries"), *one = NULL;
  char all[8 * SEGMENT_SHA256_LEN + 1] = "", hex[SEGMENT_SHA256_LEN + 1];
  size_t len = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *s = json_array_get(list, i);
    if (json_int_at(s, "level", -9) == 1) one = s;
    if (json_int_at(s, "level", -9) != 0) continue;
    struct str hash = json_text_at(s, "sourceHash");
    assert_true(len + hash.len < sizeof all && json_text_at(s, "mergedInto").ptr);
    memcpy(all + len, hash.ptr, hash.len);
    len += hash.len;
  }
  assert_non_null(one);
  segment_sha256((struct str){all, len}, hex);
  CHECK_STR(json_text_at(one, "sourceHash"), str_of(hex));
  assert_int_equal(json_int_at(one, "fromTurn", 0), 1);
  assert_int_equal(json_int_at(one, "toTurn", 0), 400);
  assert_int_equal(json_int_at(one, "count", 0), 400);
  worlds_close(&f);
}

/* ---- what people see ---- */

static const char *summary_id(struct worlds_fixture *f) {
  static char id[64];
  (void)str_copy(id, sizeof id,
                 str_of(worlds_value(f, "SELECT \"id\" FROM \"WorldSummary\" WHERE \"level\"=0")));
  return id;
}

static void an_owner_edits_puts_back_and_pins(void **state) {
  OPEN(f);
  char args[256];
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  json_decref(run(&f, "{}"));
  const char *id = summary_id(&f);
  char original[4096];
  (void)str_copy(original, sizeof original,
                 str_of(worlds_value(&f, "SELECT \"text\" FROM \"WorldSummary\" WHERE \"level\"=0")));
  (void)snprintf(args, sizeof args, "{'summaryId':'%s','text':'Todo fue un largo paseo.','isPinned':true}",
                 id);
  assert_int_equal(world_try(&f, &f.lane, "world.summary_edit", "w", "luis", args, NULL, NULL),
                   ERR_FORBIDDEN);
  JSON_AUTO json_t *edited = world_ask(&f, "world.summary_edit", "w", "ana", args);
  CHECK_STR(json_text_at(edited, "text"), STR("Todo fue un largo paseo."));
  assert_true(json_bool_at(edited, "isPinned", false) && json_bool_at(edited, "isEdited", false));
  world_do(&f, "world.archive_restore", "w", "ana", "{'fromTurn':1}");
  worlds_sql(&f, "UPDATE \"WorldInteraction\" SET \"text\"='otra' WHERE \"turn\"=3");
  json_decref(run(&f, "{}"));
  assert_string_equal(worlds_value(&f, "SELECT \"text\" FROM \"WorldSummary\" WHERE \"level\"=0"),
                      "Todo fue un largo paseo.");
  (void)snprintf(args, sizeof args, "{'summaryId':'%s','restore':true,'isPinned':false}", id);
  JSON_AUTO json_t *back = world_ask(&f, "world.summary_edit", "w", "ana", args);
  CHECK_STR(json_text_at(back, "text"), str_of(original));
  assert_int_equal(world_try(&f, &f.lane, "world.summary_edit", "w", "ana", args, NULL, NULL), ERR_CONFLICT);
  worlds_close(&f);
}

static void the_context_has_summaries_the_last_hundred_and_what_was_asked_for(void **state) {
  OPEN(f);
  make_world(&f, "w", "ana");
  fill(&f, "w", 1, 1001, 0);
  json_decref(run(&f, "{}"));
  JSON_AUTO json_t *list = world_ask(&f, "world.summaries", "w", "ana", NULL);
  json_t *moments = NULL;
  for (size_t i = 0; i < json_array_size(json_object_get(list, "summaries")); i++) {
    json_t *s = json_array_get(json_object_get(list, "summaries"), i);
    if (json_int_at(s, "level", -9) == 0) moments = json_object_get(s, "keyMoments");
  }
  struct str asked = json_text_at(json_array_get(moments, 0), "text");
  assert_true(asked.len > 0);
  char args[1024];
  (void)snprintf(args, sizeof args, "{'query':'%.*s','limit':30}", STR_ARG(asked));
  JSON_AUTO json_t *body = world_ask(&f, "world.context", "w", "ana", args);
  const json_t *memories = json_object_get(body, "memories"), *recent = json_object_get(body, "recent");
  assert_int_equal(json_array_size(memories), 30);
  assert_int_equal(json_array_size(recent), 100);
  assert_true(json_array_size(json_object_get(body, "summaries")) >= 1);
  assert_int_equal(json_int_at(json_array_get(recent, 99), "turn", 0), 1001);
  CHECK_STR(json_text_at(json_array_get(memories, 0), "text"), asked);
  assert_int_equal(world_try(&f, &f.lane, "world.context", "w", "luis", "{}", NULL, NULL), ERR_FORBIDDEN);
  worlds_close(&f);
}

/* no statement of a message's path reads more because a world is old: a million turns lie in the archive, and
 * what is read of it is one key's range. (Latency itself is measured by bench/bench_memory.c.) */
static void a43_an_old_world_reads_as_many_rows_as_a_young_one(void **state) {
  OPEN(f);
  make_world(&f, "old", "ana");
  make_world(&f, "young", "ana");
  fill(&f, "old", 999901, 1000000, 0);
  fill(&f, "young", 1, 100, 0);
  JSON_AUTO json_t *a = world_ask(&f, "world.context", "old", "ana", "{}");
  JSON_AUTO json_t *b = world_ask(&f, "world.context", "young", "ana", "{}");
  assert_int_equal(json_array_size(json_object_get(a, "recent")),
                   json_array_size(json_object_get(b, "recent")));
  (void)say(&f, "old", "ana", "hola");
  (void)say(&f, "young", "ana", "hola");
  worlds_close(&f);
}

/* clang-format off */
#define BOTH(fn)                                                                \
  {"sqlite_" #fn, fn, NULL, NULL, (void *)(uintptr_t)WORLDS_EMBEDDED},          \
  {"postgres_" #fn, fn, NULL, NULL, (void *)(uintptr_t)WORLDS_POSTGRES}
/* clang-format on */

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(a34_a38_a_thousand_is_not_enough_one_more_is),
      BOTH(a35_a39_a40_the_last_hundred_stay_and_a_summary_of_the_rest),
      BOTH(a37_u23_the_archive_gives_the_same_bytes_and_the_hash_recomputes),
      BOTH(a41_a42_a44_freed_bytes_are_estimated_and_measured),
      BOTH(long_worlds_go_by_segments_until_a_hundred_remain),
      BOTH(a_dry_run_tells_and_changes_nothing),
      BOTH(parameters_of_the_job_win_over_the_settings),
      BOTH(x30_the_worlds_status_stays),
      BOTH(what_is_unsaved_in_the_live_state_is_saved_first),
      BOTH(a37_a_crash_at_any_call_loses_nothing),
      BOTH(rows_that_change_meanwhile_are_read_again),
      BOTH(a_world_that_somebody_holds_is_left_for_the_next_night),
      BOTH(a_row_that_is_no_text_stays_and_the_others_go_on),
      BOTH(a37_a_segment_put_back_is_the_same_rows_and_goes_again_without_loss),
      BOTH(a_missing_segment_is_told_and_nothing_is_put_back),
      BOTH(segments_go_when_they_are_old_or_nothing_refers_to_them),
      BOTH(u28_the_file_shrinks),
      {"sqlite_a36_a_year_of_a_busy_world_stays_bounded", a36_a_year_of_a_busy_world_stays_bounded, NULL,
       NULL, (void *)(uintptr_t)WORLDS_EMBEDDED},
      BOTH(u23_merged_summaries_are_traceable),
      BOTH(an_owner_edits_puts_back_and_pins),
      BOTH(the_context_has_summaries_the_last_hundred_and_what_was_asked_for),
      BOTH(a43_an_old_world_reads_as_many_rows_as_a_young_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
