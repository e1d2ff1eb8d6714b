/* TZif bytes → a table of spans (RFC 9636). Pure: no files. Hostile input is refused, never trusted: every
 * count is checked against the bytes that are there. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "time/tz_rule.h"

/* One span; it ends where the next begins. */
struct tz_row {
  int64_t from_s; /* INT64_MIN in the first row */
  int64_t high_s; /* struct tz_span.high_s */
  int32_t offset_s;
  uint16_t name; /* of the abbreviation, in tz_table.names */
  bool is_dst;
};

struct tz_table {
  struct tz_row *rows; /* owned; at least one */
  size_t count;
  char *names; /* owned; terminated abbreviations, one after the other */
  size_t names_len;
  char footer[128]; /* the rule's text: struct tz_rule borrows from here */
  struct tz_rule rule;
  uint16_t std_name, dst_name; /* of the rule, in names */
  int64_t rule_from_s;         /* the last row's from_s, where the rule takes over; INT64_MAX without one */
  int step_s;                  /* tz_step_s */
  int jump_s;                  /* tz_jump_s */
};

/* Refuses leap-second ("right/") files: their seconds are not those of the system's clock. *ret must stay where it
 * is, since its rule points into its footer. */
enum err tzif_parse(struct str bytes, struct tz_table *ret, struct err_detail *detail);
void tzif_free(struct tz_table *t); /* zeroes it */
