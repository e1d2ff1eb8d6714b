/* What jobs about many worlds share: asking page after page until there is no next one. */
#pragma once
#include "warden/child.h"

/* Calls `call` with args (taken over) and the cursor that the page before gave as `next`, until that is null. fn gets
 * each page, and may add to the args of the next one. Stops between two pages when asked to: ERR_CLOSED. */
typedef void world_page_fn(void *arg, const json_t *page, json_t *next_args);
enum err world_pages(struct child *child, const char *call, json_t *args, world_page_fn *fn, void *arg,
                     struct err_detail *detail);
/* totals[key] += page[key] for each key; NULL ends the list. */
void world_pages_add(json_t *totals, const json_t *page, const char *const *keys);
/* The exit code of a job that ended with this error: again when it was stopped or something it needs is away. */
int world_pages_failed(struct child *child, enum err error, const struct err_detail *detail);
