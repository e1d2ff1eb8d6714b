/* What people send to the API beyond HTTP itself: bodies of jobs and settings, scopes of tokens, cursors and the
 * small headers. What is masked shows nothing twice and comes back as it was. */
#include "api/access.h"
#include "api/api_output.h"
#include "api/call.h"
#include "api/cursor.h"
#include "api/dispatch.h"
#include "api/mask.h"
#include "api/output_text.h"
#include "api/stream.h"
#include "fuzz/fuzz.h"
#include "model/settings.h"

static void check_mask(struct str text) {
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  JSON_AUTO json_t *old = NULL;
  JSON_AUTO json_t *shown = NULL;
  if (json_parse(text, &old, NULL) != ERR_OK || !json_is_object(old)) return;
  char *copy = arena_strdup(&arena, text);
  const char *masked = copy ? mask_json_text(copy, NULL, &arena) : NULL;
  const char *again = masked ? mask_json_text(masked, NULL, &arena) : NULL;
  if (arena_error(&arena) != ERR_OK || !again) return;
  ASSERT(str_eq(str_of(masked), str_of(again)));
  ASSERT(json_parse(str_of(masked), &shown, NULL) == ERR_OK);
  mask_restore(shown, old, NULL);
  ASSERT(json_equal(shown, old));
}

static void check_records(struct str text) {
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  JSON_AUTO json_t *body = NULL;
  struct err_detail detail = {};
  if (json_parse(text, &body, NULL) != ERR_OK) return;
  struct job job;
  struct settings settings;
  job_init(&job);
  settings_init(&settings);
  enum err e = fields_from_json(job_fields, job_field_count, body, FIELD_CREATE, &job, &arena, &detail);
  if (e == ERR_OK) e = job_validate(&job, &detail);
  ASSERT(e == ERR_OK || e != ERR_INVALID || detail.message[0]);
  e = fields_from_json(settings_fields, settings_field_count, body, FIELD_PATCH, &settings, &arena, &detail);
  if (e == ERR_OK) e = settings_validate(&settings, &detail);
  ASSERT(e == ERR_OK || e != ERR_INVALID || detail.message[0]);
}

static void check_scope(struct str text) {
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  struct scope scope;
  char *json = arena_strdup(&arena, text);
  if (!json || scope_parse(json, &scope, NULL) != ERR_OK) return;
  ASSERT(scope.job_count <= SCOPE_JOBS_MAX && scope.net_count <= SCOPE_NETS_MAX);
  (void)scope_allows_address(&scope, STR("10.0.0.1"));
  (void)scope_allows_address(&scope, STR("::1"));
  scope_free(&scope);
}

static void check_headers(struct str text) {
  uint64_t start, length;
  int64_t a = 0, b = 0;
  char name[200];
  int status = range_parse(text, 1000, &start, &length);
  ASSERT(status == 416 || (start <= 1000 && length <= 1000 - start));
  int64_t wait_s = prefer_wait_s(text);
  ASSERT(wait_s >= 0 && wait_s <= CALL_WAIT_MAX_S);
  (void)!if_match_parse(text, &a, NULL);
  (void)event_id_parse(text, &a, &b);
  (void)origin_is_ours(text, STR("a:3000"), "https://b");
  if (cursor_to_number(text, &a, NULL) == ERR_OK) {
    BUF_AUTO struct buf out = buf_new(200);
    cursor_of_number(&out, a);
    ASSERT(cursor_to_number(buf_str(&out), &b, NULL) == ERR_OK && a == b);
  }
  (void)!cursor_to_text(text, name, sizeof name, NULL);
  if (text.len < 2) return;
  struct output_span span = output_lines_wanted(50, text.ptr[0] & 127, text.ptr[1] & 127, text.ptr[1] & 7);
  ASSERT(span.from >= 1 && span.end <= 51 && span.from <= span.end);
  BUF_AUTO struct buf folded = buf_new(4 * text.len + 16);
  (void)output_looks_wrong(text);
  (void)output_is_gap(text);
  output_fold(text, &folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = {(const char *)data, size};
  check_mask(text);
  check_records(text);
  check_scope(text);
  check_headers(text);
  return 0;
}
