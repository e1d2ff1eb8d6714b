/* Page cursors: opaque to clients, so that what they hold may change. Pure. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Appends the cursor that continues after this number or text. */
void cursor_of_number(struct buf *out, int64_t after);
void cursor_of_text(struct buf *out, struct str after);
/* ERR_INVALID with field "cursor" when it is none of ours. */
enum err cursor_to_number(struct str cursor, int64_t *ret_after, struct err_detail *detail);
/* The text is written into ret (size bytes), terminated. */
enum err cursor_to_text(struct str cursor, char *ret, size_t size, struct err_detail *detail);
