/* How the warden's word about an end reads as a run: status, reason, exit code, bill. Pure. */
#pragma once
#include "model/run.h"
#include "warden/proto.h"

struct end_facts {
  enum run_status status;
  enum reason reason;
  bool may_retry;
};
/* Exit codes as in DESIGN 7: 0 ok, 75 retry, 77 skipped, 124 timeout, 125-127 could not start, others failed. */
struct end_facts end_judge(const struct warden_end *end);
/* For people: "exit code 3", "timed out after 60.0 s (timeout)"; empty after exit code 0. */
void end_explain(const struct warden_end *end, char *ret, size_t size);
/* As a shell would show it (128 + signal, 124, 125-127); FIELD_NULL when lost. */
int64_t end_exit_code(const struct warden_end *end);
void end_set_bill(struct run *facts, const struct warden_end *end);
