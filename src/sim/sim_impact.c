/* The jobs' shares and the ranges over seeds: parts of sim_report.h. */
#include <stdlib.h>
#include <string.h>

#include "sim/sim_report.h"
#include "sim/sim_shapley.h"

static double leak_of(const struct sim_figures *f) { return f->leak_mb_day; }
static double hot_of(const struct sim_figures *f) { return f->hot_mb_month; }
static double total_of(const struct sim_figures *f) { return f->hot_mb_month + f->archive_mb; }
static double zombies_of(const struct sim_figures *f) { return f->zombie_percent; }
static double cost_of(const struct sim_figures *f) { return f->cost_usd; }
static double p95_of(const struct sim_figures *f) {
  struct sim_times *copy = malloc(sizeof *copy);
  if (!copy) return 0;
  *copy = f->messages;
  double ms = sim_times_quantile(copy, 0.95);
  free(copy);
  return ms;
}

static const struct impact_row {
  const char *figure, *unit;
  double (*value)(const struct sim_figures *f);
  const char *claims[SIM_SHARED_JOBS]; /* seed A's table: shares of what is claimed; "" none */
} impact_rows[] = {
    {"leak", "MB/day", leak_of, {"40", "10", "30", "15", "5"}},
    {"database", "MB/month", hot_of, {"20", "10", "25", "40", "5"}},
    {"database and archive", "MB/month", total_of, {"20", "10", "25", "40", "5"}},
    {"zombies", "%", zombies_of, {"", "", "", "", ""}},
    {"language model", "USD", cost_of, {"", "", "", "", ""}},
    {"message p95 (wall clock: a measurement, not a model)", "ms", p95_of, {"25", "15", "35", "20", "5"}},
};
#define IMPACT_ROWS (sizeof impact_rows / sizeof impact_rows[0])
#define SETS (1U << SIM_SHARED_JOBS)

static const char *text_at(const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  return text ? text : "";
}
static double number_at(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

json_t *sim_set(const struct sim_options *o, const struct sim_figures *f) {
  json_t *values = json_object();
  for (size_t r = 0; r < IMPACT_ROWS; r++)
    json_object_set_new(values, impact_rows[r].figure, json_real(impact_rows[r].value(f)));
  return json_pack("{s:o, s:o}", "parameters", sim_parameters(o), "values", values);
}

json_t *sim_impact(json_t *const *sets, const struct sim_options *o) {
  json_t *list = json_array();
  for (size_t r = 0; r < IMPACT_ROWS; r++) {
    double values[SETS], shares[SIM_SHARED_JOBS];
    for (unsigned set = 0; set < SETS; set++)
      values[set] = number_at(json_object_get(sets[set], "values"), impact_rows[r].figure);
    sim_shapley(values, SIM_SHARED_JOBS, shares);
    double total = values[0] - values[SIM_ALL_JOBS];
    json_t *jobs = json_array();
    for (int i = 0; i < SIM_SHARED_JOBS; i++)
      json_array_append_new(
          jobs,
          json_pack("{s:s, s:f, s:f, s:f, s:f, s:s}", "job", sim_job_names[i], "amount", shares[i], "percent",
                    total != 0 ? shares[i] / total * 100 : 0, "withoutIt", values[SIM_ALL_JOBS & ~(1U << i)],
                    "itAlone", values[1U << i], "claim", impact_rows[r].claims[i]));
    json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:o}", "figure", impact_rows[r].figure,
                                          "unit", impact_rows[r].unit, "off", values[0], "on",
                                          values[SIM_ALL_JOBS], "total", total, "shares", jobs));
  }
  return json_pack("{s:i, s:I, s:i, s:i, s:o}", "sets", (int)SETS, "seed", (json_int_t)o->seed, "warmupDays",
                   o->warmup_days, "days", o->days, "figures", list);
}

void sim_impact_print(const json_t *impact, struct buf *out) {
  const json_t *list = json_object_get(impact, "figures");
  buf_addf(out, "%.0f sets of jobs, seed %.0f, %.0f days of warm-up with the same jobs, %.0f measured\n",
           number_at(impact, "sets"), number_at(impact, "seed"), number_at(impact, "warmupDays"),
           number_at(impact, "days"));
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *f = json_array_get(list, i), *jobs = json_object_get(f, "shares");
    buf_addf(out, "\n%s, %s: %.2f without jobs, %.2f with all, together %.2f\n\n", text_at(f, "figure"),
             text_at(f, "unit"), number_at(f, "off"), number_at(f, "on"), number_at(f, "total"));
    buf_addf(out,
             "| job | share (Shapley) | %% of the total | claimed %% | the figure when only this job is off "
             "| when only "
             "this one is on |\n|---|---:|---:|---:|---:|---:|\n");
    double sum = 0, percent = 0;
    for (size_t j = 0; j < json_array_size(jobs); j++) {
      const json_t *s = json_array_get(jobs, j);
      sum += number_at(s, "amount"), percent += number_at(s, "percent");
      buf_addf(out, "| %s | %.2f | %.1f | %s | %.2f | %.2f |\n", text_at(s, "job"), number_at(s, "amount"),
               number_at(s, "percent"), text_at(s, "claim"), number_at(s, "withoutIt"),
               number_at(s, "itAlone"));
    }
    buf_addf(out, "| sum | %.2f | %.1f | | | |\n", sum, percent);
  }
}

/* ---- ranges ---- */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static const json_t *named(const json_t *list, const char *kind, const char *name) {
  size_t i = 0;
  while (i < json_array_size(list) && strcmp(text_at(json_array_get(list, i), kind), name) != 0) i++;
  return json_array_get(list, i);
}

struct ranged {
  const char *list, *kind, *name, *key;
};
/* Of the entry so named in a list ("figures" or "gates") of each report that has it: {least, median, most}. */
static json_t *range_of(const json_t *reports, struct ranged what) {
  double values[1000];
  size_t n = 0;
  for (size_t i = 0; i < json_array_size(reports) && n < 1000; i++) {
    const json_t *one = named(json_object_get(json_array_get(reports, i), what.list), what.kind, what.name);
    if (one) values[n++] = number_at(one, what.key);
  }
  if (n == 0) return json_null();
  qsort(values, n, sizeof *values, by_size);
  double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
  return json_pack("{s:f, s:f, s:f, s:i}", "least", values[0], "median", median, "most", values[n - 1],
                   "seeds", (int)n);
}

/* The longest: reports that an older build kept lack figures. */
static const json_t *fullest(const json_t *reports) {
  const json_t *most = NULL;
  for (size_t i = 0; i < json_array_size(reports); i++) {
    const json_t *list = json_object_get(json_array_get(reports, i), "figures");
    if (json_array_size(list) > json_array_size(most)) most = list;
  }
  return most;
}

static json_t *figure_ranges(const json_t *reports) {
  const json_t *list = fullest(reports);
  json_t *figures = json_array();
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *f = json_array_get(list, i);
    const char *name = text_at(f, "figure");
    json_array_append_new(
        figures, json_pack("{s:s, s:s, s:o, s:o}", "figure", name, "unit", text_at(f, "unit"), "off",
                           range_of(reports, (struct ranged){"figures", "figure", name, "off"}), "on",
                           range_of(reports, (struct ranged){"figures", "figure", name, "on"})));
  }
  return figures;
}

#define ZOMBIES_MEDIAN 3.0
/* One seed's gate on zombies is about that seed's share of protected worlds; over seeds the claim's is judged. */
static json_t *gate_range(const json_t *reports, const json_t *g) {
  const char *name = text_at(g, "gate");
  bool is_claim = strcmp(name, SIM_ZOMBIES_GATE) == 0;
  json_t *range =
      range_of(reports, is_claim ? (struct ranged){"figures", "figure", SIM_ZOMBIES_AT_CLAIM, "on"}
                                 : (struct ranged){"gates", "gate", name, "value"});
  double least = number_at(g, "least"), most = is_claim ? ZOMBIES_MEDIAN : number_at(g, "most");
  double median = number_at(range, "median");
  return json_pack("{s:s, s:o, s:f, s:f, s:b}", "gate", is_claim ? "ON zombies % at 5 % protected" : name,
                   "value", range, "least", least, "most", most, "isMet",
                   (int)(median >= least && median <= most));
}

json_t *sim_ranges(const json_t *reports) {
  const json_t *list = json_object_get(json_array_get(reports, 0), "gates");
  json_t *gates = json_array();
  bool is_met = true;
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_t *g = gate_range(reports, json_array_get(list, i));
    is_met &= json_is_true(json_object_get(g, "isMet"));
    json_array_append_new(gates, g);
  }
  return json_pack("{s:I, s:o, s:o, s:b}", "seeds", (json_int_t)json_array_size(reports), "figures",
                   figure_ranges(reports), "gates", gates, "isMet", (int)is_met);
}

static void print_range(const json_t *r, struct buf *out) {
  buf_addf(out, " %.2f (%.2f … %.2f) |", number_at(r, "median"), number_at(r, "least"), number_at(r, "most"));
}

void sim_ranges_print(const json_t *ranges, struct buf *out) {
  const json_t *list = json_object_get(ranges, "figures");
  buf_addf(out,
           "%.0f seeds, each calibrated by its own load: median (least … most)\n\n| figure | OFF | ON "
           "|\n|---|---:|---:|\n",
           number_at(ranges, "seeds"));
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *f = json_array_get(list, i);
    double seeds = number_at(json_object_get(f, "on"), "seeds");
    buf_addf(out, "| %s%s%s", text_at(f, "figure"), *text_at(f, "unit") ? ", " : "", text_at(f, "unit"));
    if (seeds < number_at(ranges, "seeds")) buf_addf(out, " (of %.0f seeds)", seeds);
    buf_addf(out, " |");
    print_range(json_object_get(f, "off"), out);
    print_range(json_object_get(f, "on"), out);
    buf_addf(out, "\n");
  }
  list = json_object_get(ranges, "gates");
  buf_addf(out, "\n| gate (median) | value | |\n|---|---:|---|\n");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *g = json_array_get(list, i);
    buf_addf(out, "| %s |", text_at(g, "gate"));
    print_range(json_object_get(g, "value"), out);
    buf_addf(out, " %s |\n", json_is_true(json_object_get(g, "isMet")) ? "met" : "RED");
  }
}
