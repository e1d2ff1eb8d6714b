/* What the answer of the Round looks like, for the description of the API. */
#include "api/api_round.h"
#include "api/render.h"

SHAPE_OF(round_verdict, "RoundVerdict", 0, OUT("jobs", INT, 0, ""), OUT("active", INT, 0, "isActive"),
         OUT("failing", INT, 0, "whose last run failed, timed out or was lost"),
         OUT("tight", INT, 0, "whose runs take more than half of their interval (A-92)"),
         OUT("attention", INT, 0, "jobs that need attention"), OUT("onTime", INT, 0, "the others"));
SHAPE_OF(round_band, "RoundBand", 0, OUT("from", INT, 0, "ms since 1970"), OUT("to", INT, 0, ""),
         OUT("runs", INT, 0, "instants"), OUT("failed", INT, 0, "failed, timed out, lost or missed"),
         OUT("skipped", INT, 0, ""));
static const struct shape_part round_lane_parts[] = {{"marks", NULL, PART_LIST},
                                                     {"bands", &round_band_shape, PART_LIST},
                                                     {"planned", NULL, PART_LIST}};
SHAPE_PARTS(
    round_lane, "RoundLane", NULL, round_lane_parts, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
    OUT("category", TEXT, FIELD_NULLABLE, ""), OUT("schedule", TEXT, 0, ""),
    OUT("timezone", TEXT, FIELD_NULLABLE, ""), OUT("isActive", BOOL, 0, ""),
    OUT_ENUM("gate", 0, gate_names, ""), OUT("isTrouble", BOOL, 0, "its last run failed"),
    OUT("isRunning", BOOL, 0, ""), OUT("knownFrom", INT, 0, "marks are complete from here on, ms since 1970"),
    OUT("plannedTotal", INT, 0, "instants to come in the window; more than `planned` lists when dense"),
    OUT("nextRunAt", INSTANT, FIELD_NULLABLE, ""), OUT("usualMs", INT, FIELD_NULLABLE, "median of successes"),
    OUT("usualP95Ms", INT, FIELD_NULLABLE, ""));
static const struct shape_part round_load_parts[] = {{"past", NULL, PART_LIST}, {"ahead", NULL, PART_LIST}};
SHAPE_PARTS(round_load, "RoundLoad", NULL, round_load_parts, OUT("bucketMs", INT, 0, ""),
            OUT("pastFrom", INT, 0, "of past[0], ms since 1970; past is [runs, failed, busyMs] each"),
            OUT("aheadFrom", INT, 0, "of ahead[0]; ahead is [runs, busyMs, most at once] each"),
            OUT("maxConcurrentJobs", INT, 0, ""),
            OUT("planned", INT, 0, "instants to come in the window, of all jobs"),
            OUT("countedAt", INSTANT, 0, "when `ahead` was; with very many jobs up to 15 minutes ago"),
            OUT("isEstimated", BOOL, 0,
                "with very many jobs some are spread evenly, or count with the usual duration of all"));
SHAPE_OF(round_move, "RoundMove", 0, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
         OUT("usualMs", INT, 0, ""), OUT("priority", INT, 0, ""),
         OUT("splay", INT, FIELD_NULLABLE, "seconds, as it is"),
         OUT("newSplay", INT, FIELD_NULLABLE, "seconds, as proposed; the same = it stays"),
         OUT("etag", TEXT, 0, "for If-Match"));
static const struct shape_part round_clash_parts[] = {{"moves", &round_move_shape, PART_LIST}};
SHAPE_PARTS(round_clash, "RoundClash", NULL, round_clash_parts, OUT("from", INSTANT, 0, ""),
            OUT("to", INSTANT, 0, ""), OUT("peakAt", INSTANT, 0, ""),
            OUT("peak", INT, 0, "runs at once then"), OUT("max", INT, 0, "maxConcurrentJobs"),
            OUT("jobs", INT, 0, "jobs at once then"), OUT("after", INT, 0, "runs at once after the proposal"),
            OUT("moved", INT, 0, "jobs the proposal moves; 0 = none helps"));
SHAPE_OF(round_attention, "RoundAttention", 0, OUT("kind", TEXT, 0, "failed, timeout, lost, tight or worlds"),
         OUT("jobId", TEXT, FIELD_NULLABLE, ""), OUT("jobName", TEXT, FIELD_NULLABLE, ""),
         OUT("why", TEXT, FIELD_NULLABLE, "the error's own words"),
         OUT("executionId", TEXT, FIELD_NULLABLE, ""), OUT("at", INSTANT, FIELD_NULLABLE, "its end"),
         OUT("failures", INT, FIELD_NULLABLE, "in a row"), OUT("retryAt", INSTANT, FIELD_NULLABLE, ""),
         OUT("attempt", INT, FIELD_NULLABLE, "of the retry"), OUT("attempts", INT, FIELD_NULLABLE, "at most"),
         OUT("isActive", BOOL, 0, "false: it was disabled"), OUT("isCritical", BOOL, 0, ""),
         OUT("usualMs", INT, FIELD_NULLABLE, "tight: what it takes"),
         OUT("intervalMs", INT, FIELD_NULLABLE, "tight: its interval"));
SHAPE_OF(round_running, "RoundRunning", 0, OUT("executionId", TEXT, 0, ""), OUT("jobId", TEXT, 0, ""),
         OUT("jobName", TEXT, FIELD_NULLABLE, ""), OUT("startedAt", INSTANT, FIELD_NULLABLE, ""),
         OUT("attempt", INT, 0, ""), OUT("usualMs", INT, FIELD_NULLABLE, ""),
         OUT("usualP95Ms", INT, FIELD_NULLABLE, ""), OUT("isQueued", BOOL, 0, "it waits for a place"));
SHAPE_OF(round_next, "RoundNext", 0, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
         OUT("schedule", TEXT, 0, ""), OUT("nextRunAt", INSTANT, FIELD_NULLABLE, ""));
SHAPE_OF(round_week, "RoundWeek", 0, OUT("runs", INT, 0, "that ended by themselves"),
         OUT("failed", INT, 0, ""), OUT("successRate", REAL3, FIELD_NULLABLE, "0 to 1"),
         OUT("p50Ms", INT, FIELD_NULLABLE, "of durations"), OUT("p95Ms", INT, FIELD_NULLABLE, ""),
         OUT("lagP99Ms", INT, FIELD_NULLABLE, "of starts"));
static const struct shape_part round_answer_parts[] = {{"verdict", &round_verdict_shape, PART_OBJECT},
                                                       {"lanes", &round_lane_shape, PART_LIST},
                                                       {"load", &round_load_shape, PART_OBJECT},
                                                       {"clashes", &round_clash_shape, PART_LIST},
                                                       {"attention", &round_attention_shape, PART_LIST},
                                                       {"running", &round_running_shape, PART_LIST},
                                                       {"next", &round_next_shape, PART_LIST},
                                                       {"week", &round_week_shape, PART_OBJECT},
                                                       {"clockChanges", NULL, PART_INSTANTS}};
SHAPE_PARTS(round_answer, "Round", NULL, round_answer_parts, OUT("at", INSTANT, 0, ""),
            OUT("from", INSTANT, 0, ""), OUT("to", INSTANT, 0, ""), OUT("zone", TEXT, 0, ""),
            OUT("clashTotal", INT, 0, "stretches over the limit"), OUT("runningTotal", INT, 0, ""),
            OUT("queuedTotal", INT, 0, ""));
