/* Which gates were closed when (DESIGN 6: paused, off). Held in memory by the keeper, read once by audits.
 * A gate covers the due instants in (from, until]; OFF is stronger than PAUSED. */
#pragma once
#include "base/map.h"
#include "model/change.h"
#include "store/rows.h"

struct gate_node; /* a gate of one job */

struct gates {
  struct gate_row *common; /* of categories, all, world jobs, the process */
  size_t common_count, common_capacity;
  struct map by_job; /* job number → struct gate_node */
  struct map shifts; /* hash of (edit, job) → struct shift_row */
};

void gates_free(struct gates *g);
/* Those still closed at or after since_ms. */
enum err gates_load(struct gates *g, struct rows *rows, int64_t since_ms);
enum err gates_add(struct gates *g, const struct gate_row *row);
enum err gates_add_shift(struct gates *g, const struct shift_row *row);
/* The open-ended or still closed gate of this scope and key, NULL when there is none. */
struct gate_row *gates_find(struct gates *g, enum gate_scope scope, int64_t job_no, const char *key,
                            int64_t at_ms);
/* The clock has stepped back: what is closed now is closed from here on. Each gate that begins later begins at is_ms
 * instead and is handed to put. */
enum err gates_step_back(struct gates *g, int64_t is_ms,
                         enum err (*put)(void *arg, const struct gate_row *row), void *arg);
/* State at a due instant, and the last instant (inclusive) up to which it surely stays so. */
enum gate gates_at(const struct gates *g, const struct job *job, int64_t due_ms, int64_t *ret_until_ms);
