/* What a run says: its output goes to the spool, the structured lines of descriptor 3 to serve. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "warden/state.h"

#define READ_BYTES 65536
#define READS_A_TURN 4  /* a flood gets this share, then the others have their turn */
#define READS_AT_END 32 /* what may still lie in a pipe; a stranger who goes on writing is cut off */

static void take_line(struct warden *w, struct supervised *run) {
  struct str line = str_trim((struct str){run->line, run->line_bytes});
  bool is_result = str_starts(line, STR("{\"result\""));
  if (is_result && run->line_is_cut) {
    run->result_is_cut = true;
  } else if (is_result) {
    free(run->result);
    run->result = str_dup(line);
    run->result_bytes = run->result ? line.len : 0;
    run->result_is_cut = false;
  } else if (line.len && !run->line_is_cut) {
    door_line(w, run, line);
  }
  run->line_bytes = 0;
  run->line_is_cut = false;
}

static void take_line_bytes(struct warden *w, struct supervised *run, struct str bytes) {
  if (!run->line && !(run->line = malloc(WARDEN_LINE_BYTES_MAX))) return;
  for (size_t i = 0; i < bytes.len; i++) {
    if (bytes.ptr[i] == '\n') {
      take_line(w, run);
    } else if (run->line_bytes == WARDEN_LINE_BYTES_MAX) {
      run->line_is_cut = true;
    } else {
      run->line[run->line_bytes++] = bytes.ptr[i];
    }
  }
}

typedef void take_fn(struct warden *w, struct supervised *run, struct str bytes);

static void take_output(struct warden *w, struct supervised *run, struct str bytes) {
  (void)w;
  spool_add(&run->spool, bytes, warden_tick());
}

static void drain(struct warden *w, struct supervised *run, struct watch *watch, take_fn *take,
                  int reads_max) {
  static char bytes[READ_BYTES];
  for (int i = 0; i < reads_max && watch->fd >= 0; i++) {
    ssize_t n = read(watch->fd, bytes, sizeof bytes);
    if (n > 0) {
      take(w, run, (struct str){bytes, (size_t)n});
      if (n < (ssize_t)sizeof bytes) return;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      warden_unwatch(w, watch);
    } else {
      return;
    }
  }
}

static void on_output(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  drain(w, CONTAINER_OF(watch, struct supervised, output), watch, take_output, READS_A_TURN);
}

static void on_lines(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  drain(w, CONTAINER_OF(watch, struct supervised, lines), watch, take_line_bytes, READS_A_TURN);
}

/* 0 or an errno. Read end not blocking; the child's end is as a program expects it. */
static int make_pipe(struct warden *w, struct watch *watch, int *ret_child_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  watch->fd = ends[0];
  *ret_child_end = ends[1];
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || warden_watch(w, watch, EPOLLIN) != ERR_OK) return errno;
  return 0;
}

int run_output_open(struct warden *w, struct supervised *run, int *ret_output_end, int *ret_lines_end) {
  run->output.fn = on_output;
  run->lines.fn = on_lines;
  int error_number = make_pipe(w, &run->output, ret_output_end);
  return error_number ? error_number : make_pipe(w, &run->lines, ret_lines_end);
}

void run_output_finish(struct warden *w, struct supervised *run) {
  drain(w, run, &run->output, take_output, READS_AT_END);
  drain(w, run, &run->lines, take_line_bytes, READS_AT_END);
  if (run->line_bytes) take_line(w, run);
  warden_unwatch(w, &run->output);
  warden_unwatch(w, &run->lines);
  spool_finish(&run->spool);
  free(run->line);
  run->line = NULL;
}
