/* Crons that other services keep: vercel.json ("crons") and workflows of GitHub Actions (on.schedule with a curl line).
 * Both run in UTC and call a URL. Pure: text in, list out. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define FOREIGN_CRONS_MAX 100
#define FOREIGN_BYTES_MAX (1024 * 1024)

struct foreign_cron {   /* texts in the arena */
  int line;             /* of a workflow; 0: the place in the list of vercel.json is meant by its path */
  const char *schedule; /* several expressions joined by " | " */
  const char *path;     /* "/api/…" without its query; the world jobs are known by it */
  const char *url;      /* NULL: vercel.json knows paths only */
  const char *method;
};
struct foreign_crons {
  struct foreign_cron list[FOREIGN_CRONS_MAX];
  size_t count;
};

/* The detail names the member: "crons[1].schedule". */
enum err vercel_read(struct str text, struct arena *arena, struct foreign_crons *ret,
                     struct err_detail *detail);
/* Reads the part of YAML that such files are written in: "cron:" entries, and each curl in a "run:". The detail names
 * the line. */
enum err workflow_read(struct str text, struct arena *arena, struct foreign_crons *ret,
                       struct err_detail *detail);
/* The seeded job behind one of the two paths of the worlds (B-30, B-32), or NULL. */
const char *foreign_world_job(const char *path);
