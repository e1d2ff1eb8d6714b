/* The test clock: `serve --test-clock SOCKET` replaces the clock of serve and, by hello, of its warden. Only on a
 * data folder made by `serve --init-test` (its file test-marker keeps the clock over restarts).
 *
 * A client of the Unix socket says one command a line and gets one line back:
 *   now                     ok 2026-11-21T18:00:00.000Z
 *   set INSTANT | advance D time passes until then; answered when every due action, start, end and commit up to
 *                           it is settled. Processes run in real time: each is waited for at most SETTLE_RUN_MS.
 *                           `set` to an earlier instant is a clock set back.
 *   jump INSTANT            the clock is set, as by an operator: nothing in between happens
 * Errors: "error TEXT". docs/testing.md tells more. */
#pragma once
#include "app/engine_private.h"

struct test_clock;

/* Makes the folder's marker; now_ms is where its clock begins. ERR_CONFLICT when the folder is in use. */
enum err test_clock_init(const char *folder, int64_t now_ms, struct err_detail *detail);
/* ERR_FORBIDDEN unless the folder is marked. */
enum err test_clock_new(struct loop *loop, const char *folder, const char *socket_path,
                        struct test_clock **ret, struct err_detail *detail);
struct world *test_clock_world(struct test_clock *t);
void test_clock_attach(struct test_clock *t, struct engine *e); /* from now on commands are carried out */
void test_clock_free(struct test_clock *t);                     /* NULL-safe; before the engine is freed */
