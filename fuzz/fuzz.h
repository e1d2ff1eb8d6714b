/* What every fuzz target includes. A target fuzz_x.c holds this one function and nothing of its own to
 * clean up; fuzz/corpus/fuzz_x/ holds its inputs, which `make test` also runs, one by one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Returns 0. Must not keep anything between calls; a finding is a crash, an ASSERT or a sanitizer's report. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
