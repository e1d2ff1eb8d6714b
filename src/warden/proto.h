/* What serve and the warden say to each other over a seqpacket Unix socket: one packet is one message,
 * a header followed by a fixed little-endian layout, at most LIMIT_WARDEN_MESSAGE_BYTES; descriptors
 * travel as SCM_RIGHTS. Plain data and bounds checks only, no I/O.
 *
 * How to change it: hello, welcome, listed, list_end, ended, ack, kill, read_output and output are the
 * drain subset (DESIGN 3). A warden of one build drains for a serve of any other, so these layouts are
 * frozen: golden bytes in proto_test.c. Everything else may change with WARDEN_PROTOCOL, since START
 * goes only to a warden of the same build. A new field of a frozen message goes to its reserved bytes. */
#pragma once
#include "base/err.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/enums.h"

#define WARDEN_PROTOCOL 1
#define WARDEN_ID_BYTES 16
#define WARDEN_RESULT_BYTES_MAX 4096  /* the result line of fd 3, kept in the journal */
#define WARDEN_LINE_BYTES_MAX 4096    /* any other line of fd 3 */
#define WARDEN_OUTPUT_CHUNK_MAX 60000 /* bytes of one output message */
#define WARDEN_ACKS_MAX 1000          /* runs of one ack */
#define WARDEN_USER_BYTES 32
#define WARDEN_BUILD_BYTES 40

enum warden_message_type {
  /* serve → warden */
  WARDEN_HELLO = 1,       /* frozen */
  WARDEN_ACK = 2,         /* frozen */
  WARDEN_KILL = 3,        /* frozen */
  WARDEN_READ_OUTPUT = 4, /* frozen */
  WARDEN_START = 5,       /* with the launch block, then stdin and fd 4 when flagged */
  WARDEN_CLOCK = 6,       /* tests only: the instant that timeouts follow from now on */
  /* warden → serve */
  WARDEN_WELCOME = 65,  /* frozen; then listed or ended for each run of the journal, then list_end */
  WARDEN_LISTED = 66,   /* frozen; a run that is alive */
  WARDEN_LIST_END = 67, /* frozen */
  WARDEN_ENDED = 68,    /* frozen; repeated at each hello until acknowledged */
  WARDEN_OUTPUT = 69,   /* frozen */
  WARDEN_STARTED = 70,
  WARDEN_REFUSED = 71,
  WARDEN_LINE = 72, /* progress and metric lines; dropped when serve does not keep up */
  WARDEN_CLOCK_DONE = 73,
};

/* Why a run was ended from outside. Stored in journals: append only. */
enum kill_reason {
  KILL_NONE,
  KILL_CANCELLED,
  KILL_REPLACED, /* overlapPolicy replace */
  KILL_TOTAL_TIMEOUT,
  KILL_DISABLED,
  KILL_LEASE_LOST,
  KILL_SHUTDOWN,
  /* decided by the warden */
  KILL_TIMEOUT,
  KILL_MAX_RUNTIME,
  KILL_MEMORY,
  KILL_PIDS,
};

enum warden_how {                         /* append only */
                  WARDEN_EXITED = 1,      /* code = exit code */
                  WARDEN_SIGNALLED,       /* code = signal, sent by somebody else or a crash */
                  WARDEN_TIMEOUT,         /* code = 124; reason timeout, max_runtime or total_timeout */
                  WARDEN_KILLED,          /* code = 128 + signal; reason says why */
                  WARDEN_LIMIT,           /* reason memory or pids */
                  WARDEN_COULD_NOT_START, /* code = errno, stage = enum warden_stage */
                  WARDEN_LOST,            /* its warden died; its tree is surely gone */
};

enum warden_stage { /* what failed in the child before the program ran */
                    WARDEN_STAGE_NONE,
                    WARDEN_STAGE_FORK,
                    WARDEN_STAGE_SESSION,
                    WARDEN_STAGE_FILES,
                    WARDEN_STAGE_LIMITS,
                    WARDEN_STAGE_CGROUP,
                    WARDEN_STAGE_USER,
                    WARDEN_STAGE_PRIVILEGES,
                    WARDEN_STAGE_CWD,
                    WARDEN_STAGE_EXEC,
};

enum warden_refusal {
  WARDEN_REFUSED_BAD_REQUEST = 1,
  WARDEN_REFUSED_STALE_EPOCH,
  WARDEN_REFUSED_DRAINING,    /* another build has come, or SIGTERM */
  WARDEN_REFUSED_JOURNAL,     /* START could not be written (disk full): no START record, no start */
  WARDEN_REFUSED_TOO_MANY,    /* LIMIT_RUNNING_RUNS */
  WARDEN_REFUSED_EXECUTOR,    /* no built-in of that name */
  WARDEN_REFUSED_USER,        /* runAs is not in the warden's own list, or it is not root */
  WARDEN_REFUSED_CONTAINMENT, /* full containment was required and there is no cgroup */
  WARDEN_REFUSED_RESOURCES,   /* no pipe, no memory; see the errno */
};

struct warden_header {
  uint16_t type;
  uint16_t protocol;
  uint32_t size; /* of the whole message */
};

#define WARDEN_HELLO_TEST_CLOCK 1U /* clock_ms governs the timeouts, WARDEN_CLOCK moves it */

struct warden_hello {
  struct warden_header header;
  int64_t epoch;    /* a lower one than seen before is not answered: the connection is closed */
  int64_t clock_ms; /* with WARDEN_HELLO_TEST_CLOCK */
  uint32_t flags;
  uint32_t reserved;
  char build[WARDEN_BUILD_BYTES]; /* another build than the warden's own starts its draining */
};

#define WARDEN_IS_DRAINING 1U
#define WARDEN_IS_ROOT 2U
#define WARDEN_HAS_CGROUPS 4U /* trees are contained fully, bills as exact as the controllers allow */

struct warden_welcome {
  struct warden_header header;
  char build[WARDEN_BUILD_BYTES];
  uint8_t journal_id[WARDEN_ID_BYTES]; /* a new one counts as another boot (DESIGN 3) */
  uint8_t boot_id[WARDEN_ID_BYTES];
  int32_t pid;
  uint32_t flags;
  uint64_t reserved;
};

/* The identity of a run, as its START record says. */
struct warden_run {
  int64_t run_no;
  int64_t job_no;
  int64_t due_ms; /* INSTANT_NONE for manual runs */
  int64_t version;
  int64_t epoch;
  int64_t started_ms;      /* the clock's reading just before vfork */
  int64_t started_tick_us; /* CLOCK_MONOTONIC at the same place, microseconds */
  int32_t attempt;
  uint32_t trigger; /* enum run_trigger of model/enums.h */
  uint8_t boot_id[WARDEN_ID_BYTES];
};

struct warden_listed {
  struct warden_header header;
  struct warden_run run;
  int32_t pid;
  uint32_t reserved;
};

struct warden_list_end {
  struct warden_header header;
  uint32_t living;
  uint32_t ended;
};

#define WARDEN_END_TRUNCATED 1U  /* the middle of the output was left out */
#define WARDEN_END_CORE 2U       /* dumped core */
#define WARDEN_END_EXACT_BILL 4U /* CPU and memory are from a cgroup; bill.exact has each value */
#define WARDEN_END_CONTAINED 8U  /* by a cgroup; else what clears its environment may escape */
#define WARDEN_END_RESULT_CUT 16U

struct warden_bill {
  int64_t cpu_user_us;
  int64_t cpu_system_us;
  int64_t memory_peak_bytes;
  int64_t io_read_bytes; /* from and to storage */
  int64_t io_write_bytes;
  int64_t switches_voluntary;
  int64_t switches_forced;
  int32_t processes_peak; /* at one time, as sampled */
  uint32_t exact;         /* WARDEN_EXACT_*: counted by the kernel in a cgroup; the others are sampled */
};

#define WARDEN_EXACT_CPU 1U
#define WARDEN_EXACT_MEMORY 2U
#define WARDEN_EXACT_IO 4U

struct warden_end {
  struct warden_run run;
  int64_t ended_ms;
  int64_t ended_tick_us;
  uint32_t how;    /* enum warden_how */
  int32_t code;    /* see enum warden_how */
  uint32_t reason; /* enum kill_reason */
  uint32_t stage;  /* enum warden_stage */
  uint32_t flags;
  uint32_t leftovers; /* processes that outlived the program and were ended with it */
  uint32_t processes_left;
  uint32_t result_bytes;     /* bytes of JSON that follow the message's fixed part */
  int64_t output_bytes;      /* all that was written */
  int64_t output_bytes_lost; /* of them not kept */
  struct warden_bill bill;
};

struct warden_ended {
  struct warden_header header;
  struct warden_end end; /* result_bytes of text follow */
};

struct warden_ack {
  struct warden_header header;
  uint32_t count;
  uint32_t reserved;
  int64_t run_no[]; /* count; runs that are not known or not ended are ignored */
};

struct warden_kill {
  struct warden_header header;
  int64_t run_no;
  uint32_t reason;       /* enum kill_reason */
  uint32_t is_immediate; /* 1: KILL without TERM and grace */
};

struct warden_read_output {
  struct warden_header header;
  int64_t run_no;
  int64_t offset; /* of the run's whole output */
  uint32_t bytes_max;
  uint32_t reserved;
};

struct warden_output {
  struct warden_header header;
  int64_t run_no;
  int64_t offset;       /* of the first byte here: later than asked where the middle was left out */
  int64_t output_bytes; /* written so far */
  uint32_t is_ended;
  uint32_t bytes; /* that follow */
};

#define WARDEN_START_NO_NEW_PRIVS 1U
#define WARDEN_START_CONTAIN 2U   /* refuse rather than run without a cgroup */
#define WARDEN_START_HAS_STDIN 4U /* set by warden_start() */
#define WARDEN_START_HAS_FD4 8U   /* set by warden_start() */

/* What a run needs besides its launch block. 0 means "none" in every limit but timeout_ms. */
struct warden_start {
  int64_t run_no; /* greater than 0 */
  int64_t job_no;
  int64_t due_ms; /* INSTANT_NONE for manual runs */
  int64_t version;
  int64_t epoch;
  int64_t timeout_ms;     /* greater than 0: TERM (C-109: no job without one) */
  int64_t grace_ms;       /* from TERM to KILL */
  int64_t max_runtime_ms; /* KILL at that instant whatever the grace; 0 = timeout + grace */
  int64_t memory_bytes_max;
  int32_t attempt;
  uint32_t trigger;
  uint32_t output_head_bytes; /* kept; 0 = LIMIT_SPOOL_HEAD_BYTES, bounded by it */
  uint32_t output_tail_bytes; /* kept; 0 = LIMIT_SPOOL_TAIL_BYTES, bounded by it */
  uint32_t output_rate_bytes; /* kept per second, what is above is counted only */
  uint32_t pids_max;
  uint32_t cpu_percent_max; /* 100 = one core; enforced only with a cgroup */
  uint32_t flags;
  char run_as[WARDEN_USER_BYTES]; /* "" = the warden's executor user */
};

struct warden_start_message {
  struct warden_header header;
  struct warden_start start;
};

struct warden_started {
  struct warden_header header;
  struct warden_run run;
  int32_t pid;          /* 0 when it is known from the journal only */
  uint32_t is_repeated; /* answered from the journal, nothing was started now */
};

struct warden_refused {
  struct warden_header header;
  int64_t run_no;
  uint32_t why;         /* enum warden_refusal */
  int32_t error_number; /* or 0 */
};

struct warden_line {
  struct warden_header header;
  int64_t run_no;
  uint32_t bytes; /* of text that follow */
  uint32_t reserved;
};

struct warden_clock {
  struct warden_header header;
  int64_t clock_ms;
};

struct warden_clock_done {
  struct warden_header header;
  int64_t clock_ms;
  uint32_t living; /* runs that have not ended */
  uint32_t dying;  /* of them were told to end and are on their way */
};

/* Checks a received packet: size, type, protocol (any of ours), enough bytes for the type, and that the
 * counted bytes that follow are there exactly. ERR_INVALID otherwise, with what is wrong. */
enum err warden_message_check(struct str packet, enum warden_message_type *ret_type,
                              struct err_detail *detail);
/* Fills the header of a message of this size. */
struct warden_header warden_header(enum warden_message_type type, size_t size);

/* "could_not_start", "max_runtime", "draining" …; for logs, answers and rows. "?" when unknown. */
const char *warden_how_name(enum warden_how how);
const char *kill_reason_name(enum kill_reason reason);
const char *warden_stage_name(enum warden_stage stage);
const char *warden_refusal_name(enum warden_refusal why);
