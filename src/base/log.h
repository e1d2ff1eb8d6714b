/* Structured log: JSON lines or readable text on stderr, with component and fields. Called by app,
 * cli and executors only (STYLE: libraries never log). One line per call, one write(2) per line.
 * Secrets never come here: callers pass masked values. */
#pragma once
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL };
enum log_format { LOG_TEXT, LOG_JSON };

/* Receives each finished line (with its newline) after it was written, e.g. for the live stream. */
typedef void log_tap(void *arg, enum log_level level, struct str line);

/* clock_ms gives the instant printed (the test clock in tests); fd is not owned. */
void log_open(int fd, enum log_format format, enum log_level least, int64_t (*clock_ms)(void));
void log_set_tap(log_tap *tap, void *arg);

struct log_field {
  const char *key;
  enum { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_REAL, LOG_FIELD_BOOL, LOG_FIELD_JSON } kind;
  union {
    struct str text;
    int64_t number;
    double real;
    bool is_true;
  };
};
#define LF_TEXT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = str_of(v)})
#define LF_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = (v)})
#define LF_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .number = (v)})
#define LF_REAL(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_REAL, .real = (v)})
#define LF_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .is_true = (v)})
#define LF_JSON(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_JSON, .text = (v)})

/* log_line(LOG_INFO, "Scheduler", "run started", LF_TEXT("job", name), LF_INT("attempt", 1)); */
void log_fields(enum log_level level, const char *component, const char *message,
                const struct log_field *fields);
#define log_line(level, component, message, ...) \
  log_fields(level, component, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){}})
