/* Secrets in the middle of a text: a command line, a URL, an argument. Pure. */
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

#define LIMIT_MASKED_TEXT_BYTES (4 * LIMIT_PARAMS_BYTES) /* a text whose masks have got their values again */

/* is_entry: the text is one entry of a list (an argument, a variable), so "NAME=value" is all of it, spaces and all.
 * The text with its secrets as "***", into out. False: it has none, and out is unused. */
bool mask_text(struct str text, bool is_entry, struct buf *out);
bool mask_text_has_mask(struct str text, bool is_entry); /* one of its secrets is "***" */
/* `now` with each "***" that stands where `was` has a secret of the same name (the n-th of that name: the n-th)
 * replaced by that secret. False: there is nothing to replace. */
bool mask_text_restore(struct str now, struct str was, bool is_entry, struct buf *out);
