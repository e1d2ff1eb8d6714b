/* How a job is called in the log. Pure. */
#pragma once
#include <stddef.h>

/* "cleanup" → "CleanupJob", "auto-pause" → "AutoPauseJob" */
void log_component(const char *job_name, char *ret, size_t size);
/* "cleanup" → "Cleanup job", "auto-pause" → "Auto-pause job" */
void log_job_title(const char *job_name, char *ret, size_t size);
