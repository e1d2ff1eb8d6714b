/* What a line of output looks like: does it tell of an error, and the form of it in which text is searched for. Pure. */
#pragma once
#include "base/buf.h"

/* "error", "failed", "fatal", "exception", "panic", "traceback", "critical", "falló", "excepción" …, in whatever case, but not
 * "0 errors", "no error", "errors: 0", "failover". For people's eyes, not a verdict: that is the exit code. */
bool output_looks_wrong(struct str line);
/* Appends the line without terminal sequences (CSI, OSC …) and in small letters: ASCII, Latin, Greek and Cyrillic, one
 * character for one. Bytes that are no UTF-8 stay as they are. */
void output_fold(struct str line, struct buf *out);
/* A line by which the spool or the row tells that bytes were left out here. */
bool output_is_gap(struct str line);
