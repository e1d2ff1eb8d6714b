/* What a run's row keeps of its output: the head and the tail of the spool file as clean text. Pure but for
 * reading the file; called on work threads. */
#pragma once
#include "base/buf.h"

/* Appends the file's text: whole when it fits into out->max, else its head, a line that tells how much is left
 * out, and its tail. A missing file appends nothing. */
void output_read(const char *path, struct buf *out, bool *ret_is_cut);
/* Bytes that are no UTF-8, and NUL, become U+FFFD. Stops (false) when the next character does not fit. */
bool output_clean(struct str bytes, struct buf *out);
/* The last line with something on it, trimmed; empty when there is none. */
struct str output_last_line(struct str text);
/* The greatest length <= n that does not cut a character. */
size_t output_cut(struct str text, size_t n);
