/* The event loop of one thread, on sd-event. It hides sd-event's traps: accuracy 0 means 250 ms,
 * wall-clock jumps go unnoticed by its timers, it is not thread-safe.
 *
 * All callbacks run on the loop's thread. Handles are freed by loop_*_free (NULL-safe), also from
 * inside their own callback. */
#pragma once
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/instant.h"

struct loop;
struct loop_io;
struct loop_timer;
struct loop_wall;
struct loop_signal;

enum err loop_new(struct loop **ret);
void loop_free(struct loop *l);
/* Runs until loop_stop; returns the code given there, or a negative errno. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code);
/* One turn: waits at most timeout_us (-1 for ever, 0 not at all). True when something was dispatched. */
bool loop_turn(struct loop *l, int64_t timeout_us);

typedef void loop_io_fn(void *arg, int fd, uint32_t epoll_events);
/* Level-triggered; the fd stays the caller's and must outlive the handle. No events (0) means silence,
 * not even EPOLLHUP. A regular file is refused (ERR_FORBIDDEN: epoll does not take it). */
enum err loop_io_new(struct loop *l, int fd, uint32_t epoll_events, loop_io_fn *fn, void *arg,
                     struct loop_io **ret);
enum err loop_io_set(struct loop_io *io, uint32_t epoll_events);
void loop_io_free(struct loop_io *io);

/* Monotonic one-shot timer, accurate to the kernel's slack; created unarmed. */
typedef void loop_timer_fn(void *arg);
enum err loop_timer_new(struct loop *l, loop_timer_fn *fn, void *arg, struct loop_timer **ret);
void loop_timer_arm_ms(struct loop_timer *t, int64_t after_ms); /* again and again; < 0 disarms */
void loop_timer_free(struct loop_timer *t);

/* Wall-clock alarm: a CLOCK_REALTIME timerfd with TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET. fn is
 * called when the instant is reached (clock_was_set false) or when somebody set the clock (true); the
 * alarm stays set over such a change, and an instant jumped over is told next. */
typedef void loop_wall_fn(void *arg, bool clock_was_set);
enum err loop_wall_new(struct loop *l, loop_wall_fn *fn, void *arg, struct loop_wall **ret);
void loop_wall_arm(struct loop_wall *w, int64_t at_ms); /* INSTANT_NEVER: only clock changes */
void loop_wall_free(struct loop_wall *w);

/* The signal is blocked from loop_signal_new on, in this thread and those it creates later: call it
 * before any. It stays blocked after loop_signal_free. */
typedef void loop_signal_fn(void *arg, int signal_number);
enum err loop_signal_new(struct loop *l, int signal_number, loop_signal_fn *fn, void *arg,
                         struct loop_signal **ret);
void loop_signal_free(struct loop_signal *s);

/* From any thread: runs fn(arg) on the loop's thread, in the order posted (by one thread). The
 * message is the caller's memory and linked intrusively, so posting never fails and never allocates;
 * it may be reused once fn has been entered. Drained in turns of at most 256. What is still
 * posted at loop_free is not run. */
typedef void loop_post_fn(void *arg);
struct loop_message {
  struct loop_message *next;
  loop_post_fn *fn;
  void *arg;
};
void loop_post(struct loop *l, struct loop_message *m);
/* Takes back what was posted and has not been run; on the loop's thread. False: it was not waiting. */
bool loop_unpost(struct loop *l, struct loop_message *m);
