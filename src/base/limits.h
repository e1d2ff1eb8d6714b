/* Every named maximum, with its reason. A limit used in one module only may live there instead. */
#pragma once

/* Text a person types; generous for names, small enough to show in one line. */
#define LIMIT_NAME_BYTES 200
#define LIMIT_DESCRIPTION_BYTES 4000
#define LIMIT_SCHEDULE_BYTES 1000 /* several expressions joined by " | " */
#define LIMIT_PARAMS_BYTES 65536  /* JSON; bounded so that a launch block stays small */
#define LIMIT_LABELS_BYTES 4000

/* Columns of CronExecution. The spool file holds more; the row holds what a page shows. */
#define LIMIT_ROW_OUTPUT_BYTES 65536
#define LIMIT_ROW_ERROR_BYTES 4000

/* Spool of one run: the head and the tail are kept, the middle is counted. The head holds half a million lines
 * of usual length; it is written once, in order. The tail is a ring, and is written a second time at the end. */
#define LIMIT_SPOOL_HEAD_BYTES (64 * 1024 * 1024)
#define LIMIT_SPOOL_TAIL_BYTES (1024 * 1024)

/* Claim ahead (DESIGN 6): far enough to hide a slow commit, near enough that an edit touches few. */
#define LIMIT_CLAIM_HORIZON_MS 2000
#define LIMIT_CLAIM_BATCH 10000

/* Group commit: what arrives within this time becomes one transaction. */
#define LIMIT_COMMIT_WAIT_MS 2
#define LIMIT_COMMIT_BATCH 1000
#define LIMIT_STORE_QUEUE 100000 /* requests; at 80 % API writes are answered 503 */

#define LIMIT_QUEUED_RUNS 100000    /* waiting for capacity, all jobs */
#define LIMIT_RUNNING_RUNS 10000    /* bound of maxConcurrentJobs */
#define LIMIT_CATCHUP_MAX 10000     /* bound of catchUpMax */
#define LIMIT_PRIORITY_AGE_MS 60000 /* waiting this long raises the priority by one */

/* HTTP (DESIGN 8). */
#define LIMIT_HTTP_HEAD_BYTES 32768
#define LIMIT_HTTP_HEADERS 100
#define LIMIT_HTTP_BODY_BYTES (1024 * 1024)
#define LIMIT_HTTP_URL_BYTES 8192
#define LIMIT_HTTP_CONNECTIONS 4096
#define LIMIT_JSON_DEPTH 64
#define LIMIT_SSE_BUFFER_BYTES (256 * 1024) /* per client; a slower reader gets resync */
#define LIMIT_ANSWER_BYTES (64 * 1024 * 1024)
#define LIMIT_PAGE 1000 /* rows of one page */

/* The warden's messages (DESIGN 3). */
#define LIMIT_WARDEN_MESSAGE_BYTES 65536
