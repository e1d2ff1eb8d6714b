/* One version of a job's definition. Immutable once shared; shared by reference count, because the
 * store, the core and requests hold the same definition. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "model/enums.h"
#include "model/field.h"

struct job {
  _Atomic unsigned refs;
  int64_t no;      /* ledger number: never reused, survives deletion in the ledger */
  int64_t version; /* 1, 2, … per job */
#define FIELD_C_TEXT const char *
#define FIELD_C_JSON const char *
#define FIELD_C_INT int64_t
#define FIELD_C_BOOL int64_t
#define FIELD_C_REAL3 int64_t
#define FIELD_C_INSTANT int64_t
#define FIELD_C_ENUM int64_t
#define JOB(member, name, type, flags, min, max, otherwise, names, help) FIELD_C_##type member;
#include "model/job.def"
#undef JOB
};

extern const struct field job_fields[];
extern const size_t job_field_count;

/* One allocation with all texts; refs = 1. NULL when out of memory. */
struct job *job_copy(const struct job *job);
struct job *job_ref(struct job *job); /* NULL-safe, thread-safe */
void job_unref(struct job *job);      /* NULL-safe, thread-safe */
/* All fields null or at their defaults; texts NULL. */
void job_init(struct job *job);
/* A job that is only tried: what it was tried as is kept under a name nobody else has, inactive, so that its one run is
 * on record like any other. It is in no list, cannot be read or edited, and goes with its run after JOB_TEST_KEPT_MS.
 * The mark is a field that only the server writes. */
#define JOB_TEST_MARK "test"
#define JOB_TEST_KEPT_MS (24 * 3600 * INT64_C(1000))
bool job_is_test(const struct job *job);
/* Rules over several fields (startWindow, params is an object, labels, channels, startAt < endAt);
 * the schedule and the executor's parameters are checked by their own modules. */
enum err job_validate(const struct job *job, struct err_detail *detail);
void job_to_json(const struct job *job, struct json_writer *w); /* one complete object */
