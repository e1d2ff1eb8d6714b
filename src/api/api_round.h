/* Handlers of the Round, the calendar, the charts and the diagnosis; and the kept look ahead they share. */
#pragma once
#include "api/call.h"

extern const struct shape round_query_shape, round_answer_shape, calendar_query_shape, calendar_answer_shape,
    stats_query_shape, stats_answer_shape, diagnosis_shape;
route_handler round_get, calendar_get, stats_get, diagnosis_get;

/* ---- api_ahead.c ----
 * READ_AHEAD looks at every job, so its answer is kept until something is edited here, for a minute at most (five
 * minutes when there are very many jobs). Those who ask for the same meanwhile wait for one count; with very many jobs what
 * was counted up to a quarter of an hour ago, up to ten minutes earlier, is given while the next is counted. */
struct api_ahead;
struct api_aheads;
/* The look ahead of [from, to): fn is called with a reference, now or later; an error is answered. */
typedef void api_ahead_fn(struct call *c, struct api_ahead *held);
void api_ahead_get(struct call *c, int64_t from_ms, int64_t to_ms, api_ahead_fn *fn);
const struct ahead *api_ahead_of(const struct api_ahead *held);
int64_t api_ahead_made_ms(const struct api_ahead *held); /* when it was counted */
void api_ahead_unref(struct api_ahead *held);            /* NULL-safe */
enum err api_aheads_new(struct api_aheads **ret);
void api_aheads_free(struct api_aheads *a); /* NULL-safe */
