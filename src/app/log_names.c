#include "app/log_names.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/limits.h"

void log_component(const char *job_name, char *ret, size_t size) {
  size_t n = 0;
  bool is_start = true;
  for (const char *c = job_name; *c && n + 4 < size; c++) {
    bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     (unsigned char)*c >= 0x80;
    if (is_letter) ret[n++] = is_start && *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    is_start = !is_letter;
  }
  snprintf(ret + n, size - n, "Job");
}

void log_job_title(const char *job_name, char *ret, size_t size) {
  snprintf(ret, size, "%.*s job", LIMIT_NAME_BYTES, job_name);
  if (ret[0] >= 'a' && ret[0] <= 'z') ret[0] = (char)(ret[0] - 32);
}
