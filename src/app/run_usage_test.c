#include "app/run_usage.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

/* A session of two processes, one of which works. */
static void a_runs_processes_are_summed(void **state) {
  (void)state;
  int ready[2];
  assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the second one is ours when the first is gone */
  assert_int_equal(pipe(ready), 0);
  pid_t first = fork();
  if (first == 0) {
    (void)setsid();
    pid_t second = fork();
    if (second == 0) {
      for (;;) (void)pause();
    }
    volatile uint64_t sum = 0;
    for (uint64_t i = 0; i < 400000000; i++) sum += i;
    char byte = sum ? 'x' : 'y';
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    for (;;) (void)pause();
  }
  char byte;
  assert_int_equal(read(ready[0], &byte, 1), 1);
  struct run_usage u = {.pid = first};
  run_usage_read(&u);
  assert_int_equal(u.processes, 2);
  assert_true(u.cpu_ms > 0);
  assert_true(u.memory_bytes > 0);
  kill(-first, SIGKILL);
  assert_true(waitpid(-1, NULL, 0) > 0 && waitpid(-1, NULL, 0) > 0);
  run_usage_read(&u);
  assert_int_equal(u.processes, 0);
  close(ready[0]);
  close(ready[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_runs_processes_are_summed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
