/* The HTTP API: one table of routes, who may come in, the live stream. It sees the running server only
 * through engine.h. Everything happens on the loop's thread. docs/api.md tells users about it. */
#pragma once
#include "api/engine.h"
#include "http/http.h"

struct api;

/* Exports of worlds come back here: the one path with a larger limit of its body; half of what http/ holds at a moment. */
#define API_IMPORT_PATH "/api/worlds/import"
#define API_IMPORT_BYTES_MAX (32UL * 1024 * 1024)
/* For http_config.csp: what the web UI needs, nothing else. Its one trusted type is the URL of its worker. */
#define API_CSP                                                                                       \
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "  \
  "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; " \
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types sereno"

/* The engine is borrowed and outlives the api. */
enum err api_new(struct engine *e, struct api **ret);
/* After http_server_free: every request has been answered by then. NULL-safe. */
void api_free(struct api *a);

/* Loads the identities. On the first start (no admin token yet), and when DIR/admin.token is missing, makes
 * the token, writes that file (0600) and the account "admin". Until it has succeeded every route but
 * /livez is answered 503. Texts are borrowed during the call. */
struct api_started {
  enum err error;
  struct err_detail detail;
  bool is_first;
  const char *
      login_path; /* "/#login=SECRET" below the server's address, single use, 10 minutes; NULL unless is_first */
};
typedef void api_started_fn(void *arg, const struct api_started *started);
void api_start(struct api *a, api_started_fn *fn, void *arg);

/* An http_handler; arg is the api. */
void api_handle(void *api, struct http_request *req);
/* An http_config.answered: counts for /metrics. */
void api_answered(void *api, const struct http_answered *answer);
/* Every SCHED_DO_NOTE, for /metrics. */
void api_note(struct api *a, const struct sched_note *note);
/* For /metrics; borrowed, NULL takes it back. */
void api_set_server(struct api *a, const struct http_server *server);
