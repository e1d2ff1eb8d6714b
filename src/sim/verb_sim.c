#include "sim/verb_sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "sim/sim_preset.h"
#include "sim/sim_report.h"

#define DEFAULT_SEED 42
#define DEFAULT_DIVISOR 64
#define DEFAULT_LUMP 16
#define REPORT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define EXIT_RED 1
#define EXIT_USAGE 2
#define CALIBRATIONS 2 /* runs without jobs: what an interaction costs is measured, then used */

/* Calibrated for seed 42 by `sereno sim world --calibrate`, and frozen; nothing of the runs with jobs is tuned. */
static const struct sim_scalars frozen = {.abandon_per_day = 0.10444,
                                          .traffic_per_min = 5.29624,
                                          .residue_mb = 5.91302};
/* What an interaction costs in the database and in the live state without jobs, by the same runs: other seeds are
 * calibrated by their load and these. */
static const struct sim_target seed_claims = {.zombie_share = 0.30,
                                              .database_bytes = 2048.0 * 1024 * 1024,
                                              .live_bytes_day = 500.0 * 1024 * 1024,
                                              .row_bytes = 2139,
                                              .live_bytes = 3186};

static const char help[] =
    "sereno sim world [--seed N] [--days N] [--warmup N] [--jobs all|none|A,B] [--json]\n"
    "                     the world jobs' real code, under a virtual clock, with a simulated load: without "
    "jobs, with\n"
    "                     them, what the seeds claim; exit code 1 when a gate is red\n"
    "  --byte-scale 1/N   bytes at this scale in both runs (1/64); shown at full scale\n"
    "  --lump N           interactions in one row (16); the thresholds of consolidation are divided by it\n"
    "  --impact           all 32 sets of the five jobs: shares (Shapley) and each one left out\n"
    "  --seeds N          ranges over seeds 42 …, each calibrated by its load\n"
    "  --keep FOLDER      keeps the report of each seed or set there, and plays those alone that it lacks\n"
    "  --preset cost1000  1,000 worlds, half of them idle from the start: what pausing saves, from the "
    "ledger\n"
    "  --calibrate        finds the three scalars on the runs without jobs and prints them\n"
    "  --fault no-cleanup, --residue-scale X, --auto-pause-every Nh\n"
    "                     negative controls: they turn a gate red or move a figure\n";

struct asked {
  struct sim_options o;
  bool is_json, is_impact, is_calibration;
  const char *preset, *folder;
};

/* ---- arguments ---- */

static bool read_jobs(const char *text, unsigned *ret) {
  if (strcmp(text, "all") == 0) return *ret = SIM_ALL_JOBS, true;
  if (strcmp(text, "none") == 0) return *ret = 0, true;
  *ret = 0;
  for (struct str rest = str_of(text), part; str_split(&rest, ',', &part);) {
    int i = 0;
    while (i < SIM_SHARED_JOBS && !str_eq(part, str_of(sim_job_names[i]))) i++;
    if (i == SIM_SHARED_JOBS) return false;
    *ret |= 1U << i;
  }
  return true;
}

static bool read_int(struct str text, int64_t least, int64_t most, int *ret) {
  int64_t n;
  if (!str_to_int(text, least, most, &n)) return false;
  return *ret = (int)n, true;
}

static bool read_value(struct asked *a, const char *flag, const char *value) {
  struct str v = str_of(value);
  struct sim_options *o = &a->o;
  char *end = NULL;
  int seed = 0;
  if (strcmp(flag, "--seed") == 0)
    return read_int(v, 0, INT32_MAX, &seed) ? o->seed = (uint64_t)seed, true : false;
  if (strcmp(flag, "--days") == 0) return read_int(v, 2, 400, &o->days);
  if (strcmp(flag, "--warmup") == 0) return read_int(v, 0, 400, &o->warmup_days);
  if (strcmp(flag, "--seeds") == 0) return read_int(v, 1, 1000, &o->seeds);
  if (strcmp(flag, "--lump") == 0) return read_int(v, 1, 64, &o->lump);
  if (strcmp(flag, "--byte-scale") == 0)
    return str_starts(v, STR("1/")) && read_int(str_from(v, 2), 1, 1024, &o->byte_divisor);
  if (strcmp(flag, "--auto-pause-every") == 0)
    return v.len > 1 && v.ptr[v.len - 1] == 'h' &&
           read_int((struct str){v.ptr, v.len - 1}, 1, 23, &o->pause_every_hours);
  if (strcmp(flag, "--jobs") == 0) return read_jobs(value, &o->jobs);
  if (strcmp(flag, "--fault") == 0) return o->is_cleanup_faulty = strcmp(value, "no-cleanup") == 0;
  if (strcmp(flag, "--keep") == 0) return a->folder = value, true;
  if (strcmp(flag, "--preset") == 0) return a->preset = value, strcmp(value, "cost1000") == 0;
  if (strcmp(flag, "--residue-scale") != 0) return false;
  o->residue_scale = strtod(value, &end);
  return end != value && *end == '\0' && o->residue_scale >= 0 && o->residue_scale <= 10;
}

static bool read_arguments(int argc, char **argv, struct asked *a) {
  if (argc < 2 || strcmp(argv[1], "world") != 0) return false;
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0) a->is_json = true;
    else if (strcmp(argv[i], "--impact") == 0) a->is_impact = true;
    else if (strcmp(argv[i], "--calibrate") == 0) a->is_calibration = true;
    else if (i + 1 < argc && read_value(a, argv[i], argv[i + 1])) i++;
    else return (void)fprintf(stderr, "sereno sim: %s is not understood here\n", argv[i]), false;
  }
  return true;
}

/* ---- runs ---- */

static int failed(enum err e, const struct err_detail *detail) {
  (void)fprintf(stderr, "sereno sim: %s %s: %s\n", err_code(e), detail->field, detail->message);
  return EXIT_RED;
}

static enum err run_arm(const struct sim_options *o, unsigned jobs, struct sim_figures *ret,
                        struct err_detail *detail) {
  struct sim_load *load =
      sim_load_new(&(struct sim_load_config){o->seed, o->warmup_days + o->days, o->scalars});
  if (!load) return ERR_NO_MEMORY;
  struct sim_arm_config config = {.load = load,
                                  .scalars = o->scalars,
                                  .warmup_days = o->warmup_days,
                                  .days = o->days,
                                  .jobs = jobs,
                                  .byte_divisor = o->byte_divisor,
                                  .lump = o->lump,
                                  .residue_scale = o->residue_scale,
                                  .pause_every_hours = o->pause_every_hours,
                                  .is_cleanup_faulty = o->is_cleanup_faulty};
  enum err e = sim_arm_run(&config, ret, detail);
  sim_load_free(load);
  return e;
}

static struct sim_scalars scalars_of(uint64_t seed) {
  return seed == DEFAULT_SEED ? frozen : sim_calibrate(seed, SIM_WARMUP_DAYS, SIM_DAYS, &seed_claims);
}

/* What a process beside this one sends of the arm that it played, as it lies in memory: they are one program. */
struct played {
  enum err error;
  struct err_detail detail;
  struct sim_figures figures; /* without metrics: of a run without jobs, which has none */
};

struct beside {
  pid_t pid;
  int from;
};

[[gnu::noreturn]] static void play_without_jobs(const struct sim_options *o, int to) {
  struct played *p = calloc(1, sizeof *p);
  if (!p) _exit(EXIT_RED);
  p->error = run_arm(o, 0, &p->figures, &p->detail);
  for (size_t sent = 0; sent < sizeof *p;) {
    ssize_t n = write(to, (const char *)p + sent, sizeof *p - sent);
    if (n <= 0) _exit(EXIT_RED);
    sent += (size_t)n;
  }
  _exit(0);
}

/* The arms share nothing but their load, which each draws by itself: with two processors both are played at once. */
static enum err begin_beside(const struct sim_options *o, struct beside *ret, struct err_detail *detail) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return err_set(detail, ERR_IO, "pipe", 0, "%s", strerror(errno));
  ret->from = ends[0];
  ret->pid = fork();
  if (ret->pid == 0) play_without_jobs(o, ends[1]);
  close(ends[1]);
  if (ret->pid > 0) return ERR_OK;
  close(ends[0]);
  return err_set(detail, ERR_IO, "fork", 0, "%s", strerror(errno));
}

static enum err end_beside(struct beside *b, struct played *ret, struct err_detail *detail) {
  size_t got = 0;
  for (ssize_t n = 1; n > 0 && got<sizeof *ret; got += n> 0 ? (size_t)n : 0)
    n = read(b->from, (char *)ret + got, sizeof *ret - got);
  close(b->from);
  while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR) continue;
  if (got < sizeof *ret) return err_set(detail, ERR_INTERNAL, "jobs", 0, "the run without jobs broke off");
  if (ret->error != ERR_OK && detail) *detail = ret->detail;
  return ret->error;
}

static enum err compare(const struct sim_options *o, json_t **ret, struct err_detail *detail) {
  struct played *off = calloc(1, sizeof *off);
  struct sim_figures *on = calloc(1, sizeof *on);
  struct beside beside = {};
  enum err e = off && on ? begin_beside(o, &beside, detail) : ERR_NO_MEMORY;
  if (e == ERR_OK) {
    e = run_arm(o, o->jobs, on, detail);
    enum err other = end_beside(&beside, off, e == ERR_OK ? detail : NULL);
    if (e == ERR_OK) e = other;
  }
  if (e == ERR_OK) *ret = sim_report(o, &off->figures, on);
  if (on) sim_figures_free(on);
  free(on);
  free(off);
  return e;
}

typedef void print_fn(const json_t *what, struct buf *out);
/* Prints it, frees it, and gives the exit code. */
static int show(const struct asked *a, json_t *what, print_fn *print) {
  const json_t *is_met = json_object_get(what, "isMet");
  int code = is_met && !json_is_true(is_met) ? EXIT_RED : 0;
  BUF_AUTO struct buf out = buf_new(REPORT_BYTES_MAX);
  char *text = a->is_json ? json_dumps(what, JSON_INDENT(1) | JSON_REAL_PRECISION(8)) : NULL;
  if (a->is_json) buf_addf(&out, "%s\n", text ? text : "null");
  else print(what, &out);
  if (!a->is_json && is_met) buf_addf(&out, "\n%s\n", code ? "RED" : "all gates are met");
  (void)fwrite(out.ptr, 1, out.len, stdout);
  free(text);
  json_decref(what);
  return code;
}

/* What was kept counts if it is of the same run. */
static json_t *kept(const char *path, const struct sim_options *o) {
  JSON_AUTO json_t *parameters = sim_parameters(o);
  json_t *report = json_load_file(path, 0, NULL);
  if (json_equal(json_object_get(report, "parameters"), parameters)) return report;
  json_decref(report);
  return NULL;
}

/* On an error *what is freed and NULL. */
static enum err keep(const char *path, json_t **what, struct err_detail *detail) {
  if (json_dump_file(*what, path, JSON_INDENT(1)) == 0) return ERR_OK;
  json_decref(*what);
  *what = NULL;
  return err_set(detail, ERR_IO, "keep", 0, "the report cannot be written to %.200s", path);
}

/* Gates on one seed are others than on one of several. */
static enum err report_of(const struct asked *a, const struct sim_options *o, json_t **ret,
                          struct err_detail *detail) {
  char path[4096];
  if (!a->folder) return compare(o, ret, detail);
  (void)snprintf(path, sizeof path, "%s/%s-%llu.json", a->folder, o->seeds > 0 ? "seed" : "run",
                 (unsigned long long)o->seed);
  *ret = kept(path, o);
  if (*ret && sim_report_complete(*ret)) return ERR_OK;
  json_decref(*ret);
  *ret = NULL;
  TRY(compare(o, ret, detail));
  return keep(path, ret, detail);
}

static int run_seeds(const struct asked *a) {
  struct err_detail detail = {};
  json_t *reports = json_array();
  for (int i = 0; i < a->o.seeds; i++) {
    struct sim_options o = a->o;
    json_t *report = NULL;
    o.seed += (uint64_t)i;
    o.scalars = scalars_of(o.seed);
    enum err e = report_of(a, &o, &report, &detail);
    if (e != ERR_OK) return json_decref(reports), failed(e, &detail);
    json_array_append_new(reports, report);
    (void)fprintf(stderr, "seed %llu done\n", (unsigned long long)o.seed);
  }
  json_t *ranges = sim_ranges(reports);
  json_decref(reports);
  return show(a, ranges, sim_ranges_print);
}

static enum err play_set(const struct sim_options *o, json_t **ret, struct err_detail *detail) {
  struct sim_figures *f = calloc(1, sizeof *f);
  if (!f) return ERR_NO_MEMORY;
  enum err e = run_arm(o, o->jobs, f, detail);
  if (e == ERR_OK) *ret = sim_set(o, f);
  sim_figures_free(f);
  free(f);
  return e;
}

static enum err set_of(const struct asked *a, unsigned set, json_t **ret, struct err_detail *detail) {
  char path[4096];
  struct sim_options o = a->o;
  o.jobs = set;
  if (!a->folder) return play_set(&o, ret, detail);
  (void)snprintf(path, sizeof path, "%s/set-%llu-%02u.json", a->folder, (unsigned long long)o.seed, set);
  *ret = kept(path, &o);
  if (*ret) return ERR_OK;
  TRY(play_set(&o, ret, detail));
  return keep(path, ret, detail);
}

/* None and all, each job left out, each alone, then the rest: what can be said of a run that was cut short comes first. */
static enum err play_sets(const struct asked *a, json_t **sets, struct err_detail *detail) {
  static const int orders[SIM_SHARED_JOBS + 1] = {0, 5, 4, 1, 3, 2};
  int done = 0;
  for (size_t i = 0; i <= SIM_SHARED_JOBS; i++)
    for (unsigned set = 0; set <= SIM_ALL_JOBS; set++) {
      if (__builtin_popcount(set) != orders[i]) continue;
      TRY(set_of(a, set, &sets[set], detail));
      (void)fprintf(stderr, "%d of %u sets done\n", ++done, SIM_ALL_JOBS + 1);
    }
  return ERR_OK;
}

static int run_impact(const struct asked *a) {
  struct err_detail detail = {};
  json_t *sets[SIM_ALL_JOBS + 1] = {};
  enum err e = play_sets(a, sets, &detail);
  json_t *impact = e == ERR_OK ? sim_impact(sets, &a->o) : NULL;
  for (unsigned set = 0; set <= SIM_ALL_JOBS; set++) json_decref(sets[set]);
  return e == ERR_OK ? show(a, impact, sim_impact_print) : failed(e, &detail);
}

/* What an interaction costs is measured with the scalars found so far, and these are found with it. */
static int run_calibration(const struct asked *a) {
  struct sim_options o = a->o;
  struct sim_target t = seed_claims;
  for (int i = 0; i < CALIBRATIONS; i++) {
    struct err_detail detail = {};
    struct sim_figures *f = calloc(1, sizeof *f);
    o.scalars = sim_calibrate(o.seed, o.warmup_days, o.days, &t);
    enum err e = f ? run_arm(&o, 0, f, &detail) : ERR_NO_MEMORY;
    if (e != ERR_OK) return free(f), failed(e, &detail);
    struct sim_load *load =
        sim_load_new(&(struct sim_load_config){o.seed, o.warmup_days + o.days, o.scalars});
    if (!load) return free(f), EXIT_RED;
    struct sim_counts c = sim_load_count(load, o.warmup_days, o.scalars.traffic_per_min);
    (void)printf(
        "%d: .abandon_per_day = %.5f, .traffic_per_min = %.5f, .residue_mb = %.5f; .row_bytes = %.2f, "
        ".live_bytes = %.2f -> leak %.2f MB/day, zombies %.3f %%, database %.2f MB/month\n",
        i + 1, o.scalars.abandon_per_day, o.scalars.traffic_per_min, o.scalars.residue_mb, t.row_bytes,
        t.live_bytes, f->leak_mb_day, f->zombie_percent, f->hot_mb_month);
    t.row_bytes = f->hot_mb_month * 1048576 * o.days / 30 / c.interactions;
    t.live_bytes =
        (f->leak_mb_day - c.sessions_slope * o.scalars.residue_mb) * 1048576 / c.interactions_slope;
    sim_load_free(load);
    sim_figures_free(f);
    free(f);
  }
  return 0;
}

static int run_preset(const struct asked *a) {
  struct err_detail detail = {};
  json_t *saved = NULL;
  enum err e = sim_preset_run(a->o.days, &saved, &detail);
  return e == ERR_OK ? show(a, saved, sim_preset_print) : failed(e, &detail);
}

int verb_sim(int argc, char **argv) {
  struct asked a = {.o = {.seed = DEFAULT_SEED,
                          .warmup_days = SIM_WARMUP_DAYS,
                          .days = SIM_DAYS,
                          .byte_divisor = DEFAULT_DIVISOR,
                          .lump = DEFAULT_LUMP,
                          .pause_every_hours = 6,
                          .jobs = SIM_ALL_JOBS,
                          .residue_scale = 1}};
  bool is_help = argc > 1 && strcmp(argv[argc - 1], "--help") == 0;
  if (is_help || !read_arguments(argc, argv, &a)) {
    (void)fputs(help, is_help ? stdout : stderr);
    return is_help ? 0 : EXIT_USAGE;
  }
  struct err_detail detail = {};
  json_t *report = NULL;
  if (a.preset) return run_preset(&a);
  if (a.is_calibration) return run_calibration(&a);
  if (a.o.seeds > 0) return run_seeds(&a);
  a.o.scalars = scalars_of(a.o.seed);
  if (a.is_impact) return run_impact(&a);
  enum err e = report_of(&a, &a.o, &report, &detail);
  return e == ERR_OK ? show(&a, report, sim_report_print) : failed(e, &detail);
}
