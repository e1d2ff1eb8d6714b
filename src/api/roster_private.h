/* What the roster's own files share: roster.c fills it and keeps it up to date, roster_ask.c answers from it. */
#pragma once
#include "api/roster.h"
#include "base/map.h"

#define WAITS_MAX 200

struct wait {
  roster_ready_fn *fn;
  void *arg;
  size_t rows; /* the first ones by name are enough; SIZE_MAX: all */
};

struct roster {
  struct api *api;
  struct roster_row **rows; /* in order of names */
  size_t count, capacity;
  struct map by_no;
  struct roster_gates gates;
  struct engine_subscription *subscription;
  struct loop_timer *tell;
  struct wait waits[WAITS_MAX];
  size_t wait_count;
  enum { ROSTER_EMPTY, ROSTER_LOADING, ROSTER_READY } state;
  char after[LIMIT_NAME_BYTES + 1]; /* while loading */
  size_t expected;                  /* while loading: so many jobs there are */
  bool is_stale;                    /* changed from outside meanwhile: read all again */
  bool is_refreshing;               /* all are being read again, and can be asked for meanwhile */
  uint32_t round;                   /* of reading all: rows of an older one are gone when it ends */
  bool is_late;                     /* lists were answered while that was so: they are told when it is done */
  struct map told;  /* while loading or refreshing: jobs that something was told of, to be read again */
  struct map asked; /* jobs that are being read again → enum asked */
  char zone[LIMIT_NAME_BYTES + 1]; /* of the settings, as the next instants were found in it */
  int64_t used_ms;
  uint64_t shape;             /* counts rows that came or went: places among `rows` held before are void */
  struct roster_pass *passes; /* the first one is worked on */
  struct loop_timer *turn;    /* of passes */
};

/* What the core holds now, by jobs. */
struct roster_living {
  struct map jobs; /* number → bits */
};
void roster_living_note(struct roster *r, struct roster_living *l); /* freed with map_free */

/* The row as it stands now; its next due instant and its gate are brought up to date. */
struct roster_view roster_view_of(struct roster *r, const struct roster_living *l, struct roster_row *row,
                                  int64_t now_ms);
void roster_freshen_next(struct roster *r, struct roster_row *row);
void roster_turn(void *arg);                          /* of passes */
void roster_passes_end(struct roster *r, enum err e); /* whoever waits for an answer gets this */
