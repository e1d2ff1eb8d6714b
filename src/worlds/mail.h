/* The texts of mails about a world, Spanish and English; delivery is the alert channels' business. */
#pragma once
#include "base/buf.h"
#include "model/world_row.h"

enum world_mail { MAIL_ARCHIVE = 1, MAIL_MARK = 2, MAIL_DELETION = 3, MAIL_PAUSED = 4 };
extern const char *const world_mail_kinds[]; /* by enum world_mail: "archive", "mark" … */

struct world_mail_facts {
  enum world_mail kind;
  const struct world_row *row;
  int64_t idle_days;
  int64_t archive_ms, deletion_ms; /* when it would be archived, deleted; INSTANT_NONE: not told */
  const char *keep_url;            /* NULL: none is told */
};
/* By row->locale: "en…" English, otherwise Spanish. */
void world_mail_text(const struct world_mail_facts *f, struct buf *subject, struct buf *body);
