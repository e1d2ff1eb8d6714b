/* One page of the ladder's run, between the call that reads it (pause_calls.c) and the batches that write it
 * (pause_batch.c). */
#pragma once
#include "worlds/facts.h"

struct pause_tally { /* worlds that entered a step in this run */
  int64_t by_24h, by_7d, by_30d;
  int64_t newly, escalated_7d, escalated_30d;
  int64_t favorites, with_events, members; /* idle and running, but excepted */
  int64_t released, mails, busy, failed;
  int64_t freed_bytes, measured;
};

struct pause_pass {
  struct lane *lane;
  const struct world_request *q;
  struct world_settings settings;
  bool is_dry;
  int64_t notices_left;
  struct pause_tally tally;
  json_t *failed_ids; /* at most PAUSE_FAILED_MAX */
  json_t *affected;   /* of a dry run */
  struct err_detail *detail;
};
#define PAUSE_FAILED_MAX 100

/* What a world's turn comes to. plan changes the case's row to what it will be; nothing else. */
struct pause_plan {
  struct world_verdict verdict;
  const char *action; /* of the lifeline; NULL: nothing is to be done */
  bool is_new;        /* it runs until now */
  int mail;           /* enum world_mail; 0: none */
  int64_t mail_deletion_ms;
};
struct pause_plan pause_plan_of(const struct pause_pass *p, struct world_case *c);
void pause_count(struct pause_pass *p, const struct world_row *row, const struct pause_plan *plan);

/* Carries out what these worlds' plans say: lock, read what is live, read the rows again and judge anew, write all in
 * one transaction, clear what was live, unlock. On an error of single worlds it halves the batch until they are found. */
enum err pause_batch(struct pause_pass *p, struct str *ids, size_t count);
