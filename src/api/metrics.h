/* Counters and histograms for Prometheus, since the start of the server. Bounded: the runs of at most
 * METRICS_JOBS_MAX jobs are counted by name, those of later ones as job="other". */
#pragma once
#include "http/http.h"
#include "sched/sched.h"

#define METRICS_JOBS_MAX 500

struct metrics;
enum err metrics_new(struct metrics **ret);
void metrics_free(struct metrics *m);
void metrics_note(struct metrics *m, const struct sched_note *note);
void metrics_answered(struct metrics *m, const struct http_answered *answer);
/* A message that has resumed a paused world: what that added to its answer (B-79). */
void metrics_resumed(struct metrics *m, int64_t added_ms);
/* Text format 0.0.4. with_jobs: the series that name jobs; without, the same counts over all jobs. */
void metrics_write(const struct metrics *m, bool with_jobs, struct buf *out);
/* # HELP and # TYPE of one family. */
void metrics_family(struct buf *out, const char *name, const char *type, const char *help);
/* A label value, escaped. */
void metrics_label(struct buf *out, const char *text);
