/* What dead wardens of this data folder left: their processes are ended, their runs become ours. A warden
 * is dead when its lock is free; its lock is held while its journal is taken over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "warden/state.h"

#define OTHER_WARDENS_MAX 64

/* Held as long as the description is open, which no exec and no fork of a job changes. */
bool adopt_take_lock(int fd) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

int adopt_open_lock(const struct warden *w, const char *name) {
  return openat(w->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void see_start(void *arg, const struct warden_run *id) {
  struct supervised *run = run_from_journal(arg, id);
  if (run) run->is_adopted = true;
}

static void see_end(void *arg, const struct warden_end *end, struct str result) {
  struct supervised *run = run_from_journal(arg, &end->run);
  if (!run) return;
  run->end = *end;
  run->phase = RUN_END;
  run->spool.is_finished = true;
  free(run->result);
  run->result = str_dup(result);
  run->result_bytes = run->end.result_bytes = run->result ? (uint32_t)result.len : 0;
}

static void see_ack(void *arg, int64_t run_no) {
  struct supervised *run = run_find(arg, run_no);
  if (run) run_free(arg, run);
}

static void see_epoch(void *arg, int64_t epoch) {
  struct warden *w = arg;
  if (epoch > w->epoch) w->epoch = epoch;
}

/* Another build's journal whose lock is free: its runs become ours. Its file goes once they are written
 * to our own journal, so a kill in between tells them twice at most. */
static enum err adopt_journal(struct warden *w, const char *name, const struct journal_reader *reader,
                              struct err_detail *detail) {
  struct journal other;
  TRY(journal_open(w->dir_fd, name, reader, &other, detail));
  journal_close(&other);
  return ERR_OK;
}

struct others {
  uint64_t living[OTHER_WARDENS_MAX];
  size_t living_count;
  char dead[OTHER_WARDENS_MAX][WARDEN_BUILD_BYTES];
  int dead_locks[OTHER_WARDENS_MAX]; /* held until their journals are ours */
  size_t dead_count;
};

static void look_at_lock(struct warden *w, struct others *others, struct str build, const char *name) {
  int fd = adopt_open_lock(w, name);
  if (fd < 0) return;
  char text[24] = "";
  unsigned long long instance;
  if (adopt_take_lock(fd)) {
    if (others->dead_count == OTHER_WARDENS_MAX) return os_close(&fd);
    (void)str_copy(others->dead[others->dead_count], WARDEN_BUILD_BYTES, build);
    others->dead_locks[others->dead_count++] = fd;
    return;
  }
  if (pread(fd, text, sizeof text - 1, 0) > 0 && sscanf(text, "%llx", &instance) == 1 &&
      others->living_count < OTHER_WARDENS_MAX)
    others->living[others->living_count++] = instance;
  os_close(&fd);
}

static void look_at_others(struct warden *w, struct others *others) {
  int fd = openat(w->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) return os_close(&fd);
  for (struct dirent *entry; (entry = readdir(dir));) {
    struct str name = str_of(entry->d_name);
    if (!str_ends(name, STR(WARDEN_LOCK_SUFFIX))) continue;
    struct str build = {name.ptr, name.len - (sizeof WARDEN_LOCK_SUFFIX - 1)};
    if (build.len < WARDEN_BUILD_BYTES && !str_eq(build, str_of(w->build)))
      look_at_lock(w, others, build, entry->d_name);
  }
  (void)closedir(dir);
}

/* Runs that started under a dead warden: their processes are gone by now. */
static void settle_lost(struct warden *w, uint32_t processes_left) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->runs, &i, &entry);) {
    struct supervised *run = entry.value;
    if (run->phase == RUN_END || !run->is_adopted) continue;
    run->end = (struct warden_end){.run = run->id,
                                   .ended_ms = warden_wall_ms(w),
                                   .ended_tick_us = (int64_t)(warden_tick().ns / 1000),
                                   .how = WARDEN_LOST,
                                   .processes_left = processes_left};
    run->phase = RUN_END;
    run->spool.is_finished = true;
  }
}

void adopt_note_name(const char *build, char ret[JOURNAL_NAME_MAX]) {
  (void)snprintf(ret, JOURNAL_NAME_MAX, "%s.cgroup", build);
}

static void end_dead_cgroup(struct warden *w, const char *build) {
  char note[JOURNAL_NAME_MAX];
  adopt_note_name(build, note);
  cgroup_end_dead(w->folder, w->dir_fd, note, WARDEN_UNKILLABLE_MS);
}

static enum err adopt_dead(struct warden *w, const struct others *others, const struct journal_reader *reader,
                           struct err_detail *detail) {
  char theirs[JOURNAL_NAME_MAX];
  for (size_t i = 0; i < others->dead_count; i++) {
    (void)snprintf(theirs, sizeof theirs, "%s" WARDEN_JOURNAL_SUFFIX, others->dead[i]);
    if (faccessat(w->dir_fd, theirs, F_OK, 0) == 0) TRY(adopt_journal(w, theirs, reader, detail));
  }
  for (size_t i = 0; i < others->dead_count; i++) end_dead_cgroup(w, others->dead[i]);
  settle_lost(w, census_kill_dead_wardens(w, others->living, others->living_count));
  int error_number = journal_compact(&w->journal, runs_write_all, w);
  if (error_number) return os_error(error_number, detail, "write", w->journal.name);
  for (size_t i = 0; i < others->dead_count; i++) {
    (void)snprintf(theirs, sizeof theirs, "%s" WARDEN_JOURNAL_SUFFIX, others->dead[i]);
    (void)unlinkat(w->dir_fd, theirs, 0);
  }
  return ERR_OK;
}

static void release(struct others *others) {
  for (size_t i = 0; i < others->dead_count; i++) os_close(&others->dead_locks[i]);
}

enum err adopt_at_start(struct warden *w, struct err_detail *detail) {
  struct journal_reader reader = {w, see_start, see_end, see_ack, see_epoch};
  char name[JOURNAL_NAME_MAX];
  (void)snprintf(name, sizeof name, "%s" WARDEN_JOURNAL_SUFFIX, w->build);
  TRY(journal_open(w->dir_fd, name, &reader, &w->journal, detail));
  end_dead_cgroup(w, w->build); /* the lock is ours: whoever noted it is dead */
  struct others others = {};
  look_at_others(w, &others);
  enum err e = adopt_dead(w, &others, &reader, detail);
  release(&others);
  return e;
}

/* Without a journal left by a dead warden there is nothing to do, and that is what it mostly is. */
void adopt_later(struct warden *w) {
  struct journal_reader reader = {w, see_start, see_end, see_ack, see_epoch};
  struct others others = {};
  char theirs[JOURNAL_NAME_MAX];
  bool has_journal = false;
  look_at_others(w, &others);
  for (size_t i = 0; i < others.dead_count; i++) {
    (void)snprintf(theirs, sizeof theirs, "%s" WARDEN_JOURNAL_SUFFIX, others.dead[i]);
    has_journal |= faccessat(w->dir_fd, theirs, F_OK, 0) == 0;
  }
  if (has_journal) (void)(adopt_dead(w, &others, &reader, NULL) == ERR_OK); /* else at the next hello */
  release(&others);
}

void adopt_leave_nothing(struct warden *w) {
  char name[JOURNAL_NAME_MAX];
  (void)snprintf(name, sizeof name, "%s" WARDEN_JOURNAL_SUFFIX, w->build);
  (void)unlinkat(w->dir_fd, name, 0);
}
