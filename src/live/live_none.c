/* "none": no world is ever live, and what would be kept is refused; locks are there, in this process only. */
#include <stdio.h>
#include <stdlib.h>

#include "live/live_file.h"

static void none_close(struct live *l) {
  live_file_close(((struct live_embedded *)l)->file);
  free(l);
}

static enum err none_ping(struct live *, struct err_detail *) { return ERR_OK; }

static enum err none_read(struct live *, const struct live_question *, struct live_world *,
                          struct err_detail *) {
  return ERR_OK;
}

static enum err none_load(struct live *, const struct live_world *, int64_t, int64_t,
                          struct err_detail *detail) {
  return err_set(detail, ERR_UNAVAILABLE, "live", 0, "there is no live state: it is switched off (none)");
}

static enum err none_write(struct live *, struct live_append *writes, size_t count, int64_t,
                           struct err_detail *) {
  for (size_t i = 0; i < count; i++) writes[i].error = ERR_NOT_FOUND;
  return ERR_OK;
}

/* A world that is not there is as good as clean and cleared. */
static enum err none_saved(struct live *, struct live_mark *marks, size_t count, struct err_detail *) {
  for (size_t i = 0; i < count; i++) marks[i].is_done = true;
  return ERR_OK;
}

static enum err none_clear(struct live *l, struct live_mark *marks, size_t count, int64_t,
                           struct err_detail *detail) {
  return none_saved(l, marks, count, detail);
}

static enum err none_list(struct live *, enum live_index, struct live_page *, struct arena *,
                          struct err_detail *) {
  return ERR_OK;
}

static enum err none_expire_events(struct live *, const struct str *, size_t, int64_t, int64_t *,
                                   struct err_detail *) {
  return ERR_OK;
}

static enum err none_status(struct live *, struct live_status *ret, struct err_detail *) {
  ret->is_measured = true;
  snprintf(ret->server, sizeof ret->server, "none");
  snprintf(ret->durability, sizeof ret->durability,
           "Nothing is kept here: each message is written to the database at once.");
  return ERR_OK;
}

static const struct live_ops none_ops = {
    .close = none_close,
    .ping = none_ping,
    .read = none_read,
    .load = none_load,
    .write = none_write,
    .saved = none_saved,
    .clear = none_clear,
    .lock = live_file_lock,
    .renew = live_file_renew,
    .unlock = live_file_unlock,
    .drop_orphans = live_file_drop_orphans,
    .list = none_list,
    .expire_events = none_expire_events,
    .status = none_status,
};

enum err live_none_open(const struct live_config *, struct live **ret, struct err_detail *detail) {
  struct live_embedded *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  enum err e = live_file_open(NULL, &l->file, detail);
  if (e != ERR_OK) {
    free(l);
    return e;
  }
  l->live = (struct live){.ops = &none_ops, .mode = LIVE_NONE};
  *ret = &l->live;
  return ERR_OK;
}
