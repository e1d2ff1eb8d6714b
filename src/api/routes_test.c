#include "api/route.h"

#include "base/json.h"
#include "tests/support/check.h"
#include "worlds/worlds.h"

static void paths_find_their_routes(void **state) {
  (void)state;
  static const struct {
    int line;
    enum http_method method;
    const char *path, *want, *first; /* want NULL: none */
  } rows[] = {
      {__LINE__, HTTP_GET, "/", NULL, NULL}, /* the web UI has its own */
      {__LINE__, HTTP_GET, "/api/cron/jobs", "/api/cron/jobs", NULL},
      {__LINE__, HTTP_HEAD, "/api/cron/jobs", "/api/cron/jobs", NULL},
      {__LINE__, HTTP_GET, "/api/cron/jobs/c1", "/api/cron/jobs/:job", "c1"},
      {__LINE__, HTTP_GET, "/api/cron/jobs/un nombre", "/api/cron/jobs/:job", "un nombre"},
      {__LINE__, HTTP_POST, "/api/cron/jobs/x/run", "/api/cron/jobs/:job/run", "x"},
      {__LINE__, HTTP_GET, "/api/cron/executions/e/output", "/api/cron/executions/:id/output", "e"},
      {__LINE__, HTTP_GET, "/api/cron/logs/stream", "/api/cron/logs/stream", NULL},
      {__LINE__, HTTP_GET, "/api/cron/jobs/", NULL, NULL},
      {__LINE__, HTTP_GET, "/api/cron/jobs/c1/", NULL, NULL},
      {__LINE__, HTTP_GET, "/api/cron/jobs/c1/runs", NULL, NULL},
      {__LINE__, HTTP_GET, "/api", NULL, NULL},
      {__LINE__, HTTP_GET, "*", NULL, NULL},
      {__LINE__, HTTP_GET, "/api/worlds/status", "/api/worlds/status", NULL},
      {__LINE__, HTTP_DELETE, "/api/worlds/status", NULL, NULL}, /* no world of this id is meant */
      {__LINE__, HTTP_PUT, "/api/worlds/w1/members/u1", "/api/worlds/:world/members/:userId", "w1"},
      {__LINE__, HTTP_POST, "/api/cron/auto-pause-worlds", "/api/cron/auto-pause-worlds", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct str args[ROUTE_ARGS_MAX] = {};
    unsigned allowed;
    const struct route *r = route_find(rows[i].method, str_of(rows[i].path), args, &allowed);
    CHECK_ROW(rows[i].line, (r != NULL) == (rows[i].want != NULL));
    if (!r) continue;
    check_str_eq(str_of(r->path), str_of(rows[i].want), rows[i].line);
    if (rows[i].first) check_str_eq(args[0], str_of(rows[i].first), rows[i].line);
  }
}

static void what_a_path_allows_is_told(void **state) {
  (void)state;
  struct str args[ROUTE_ARGS_MAX];
  unsigned allowed;
  BUF_AUTO struct buf text = buf_new(200);
  assert_null(route_find(HTTP_DELETE, STR("/api/cron/settings"), args, &allowed));
  route_allow_text(allowed, &text);
  CHECK_STR(buf_str(&text), STR("GET, HEAD, PUT, PATCH, OPTIONS"));
  assert_null(route_find(HTTP_DELETE, STR("/nowhere"), args, &allowed));
  assert_int_equal(allowed, 0);
}

static bool is_safe(enum http_method m) { return m == HTTP_GET || m == HTTP_HEAD; }

static void every_route_keeps_the_rules(void **state) {
  (void)state;
  for (size_t i = 0; i < route_count; i++) {
    const struct route *r = &routes[i];
    CHECK_ROW(i, r->handler && r->summary && r->summary[0]);
    /* what changes something is marked so, but for explaining, previews and beginning a session */
    bool is_question =
        str_ends(str_of(r->path), STR("/explain")) || str_ends(str_of(r->path), STR("/preview"));
    if (!is_safe(r->method) && !is_question)
      CHECK_ROW(i, r->flags & (ROUTE_WRITE | ROUTE_NO_CSRF | ROUTE_SIGNED));
    /* a signed link is guarded by its signature and a rate */
    if (r->flags & ROUTE_SIGNED) CHECK_ROW(i, r->role == ROLE_NONE && (r->flags & ROUTE_LOGIN));
    /* nothing that changes something is open, but for beginning a session */
    if (r->flags & ROUTE_WRITE) CHECK_ROW(i, r->role >= ROLE_VIEWER);
    if (r->flags & ROUTE_NO_CSRF) CHECK_ROW(i, r->flags & ROUTE_LOGIN);
    /* the administration is the admins' */
    if (str_starts(str_of(r->path), STR("/api/admin/"))) CHECK_ROW(i, r->role == ROLE_ADMIN);
    if (str_starts(str_of(r->path), STR("/api/cron/"))) CHECK_ROW(i, r->role >= ROLE_VIEWER);
    if (r->flags & ROUTE_CRON) CHECK_ROW(i, str_ends(str_of(r->path), STR("-worlds")));
    if (r->flags & ROUTE_KEYED) CHECK_ROW(i, r->role > ROLE_NONE);
    for (size_t k = 0; k < i; k++)
      CHECK_ROW(i, r->method != routes[k].method || !str_eq(str_of(r->path), str_of(routes[k].path)));
  }
}

/* no route without its call. */
static void every_world_route_has_its_call(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *call;
  } rows[] = {
#define WORLD_ROUTE(method, path, role, flags, input, answer, status, call, more, audit, summary) \
  {__LINE__, call},
#include "api/world_routes.def"
#undef WORLD_ROUTE
      {__LINE__, "world.keep"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct world_call *call = world_call_find(str_of(rows[i].call));
    if (!call) fail_msg("there is no call %s", rows[i].call);
    CHECK_ROW(rows[i].line, call->flags & CALL_API);
  }
}

static void the_description_is_json_and_names_every_route(void **state) {
  (void)state;
  BUF_AUTO struct buf out = buf_new(4 * 1024 * 1024);
  struct json_writer w = jw_new(&out);
  struct err_detail detail;
  JSON_AUTO json_t *api = NULL;
  openapi_write(&w, "");
  assert_int_equal(buf_error(&out), ERR_OK);
  CHECK_OK(json_parse(buf_str(&out), &api, &detail));
  size_t operations = 0;
  const char *path;
  json_t *item;
  json_object_foreach(json_object_get(api, "paths"), path, item) operations += json_object_size(item);
  assert_int_equal(operations, route_count);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_find_their_routes),
      cmocka_unit_test(what_a_path_allows_is_told),
      cmocka_unit_test(every_route_keeps_the_rules),
      cmocka_unit_test(every_world_route_has_its_call),
      cmocka_unit_test(the_description_is_json_and_names_every_route),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
