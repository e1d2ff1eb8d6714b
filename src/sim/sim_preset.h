/* sereno sim world --preset cost1000: 1,000 worlds, half of them left on the first day. What pausing saves is read from
 * the ledger's real intervals; that half the worlds are inactive is the input, not a result (B-1, requirements 7.5). */
#pragma once
#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

enum err sim_preset_run(int days, json_t **ret, struct err_detail *detail);
void sim_preset_print(const json_t *saved, struct buf *out);
