/* Looks at the machine (C-8): load, memory, swap, disks, open files. Each finding is a line of output and
 * an entry of the result; the run fails when a limit is passed, so that the usual alerts tell. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "warden/child.h"

#define FINDINGS_BYTES_MAX 4096

static const struct executor_param params[] = {
    {.name = "maxLoadPerCore",
     .type = PARAM_REAL,
     .min = 0.1,
     .max = 1000,
     .default_json = "4.0",
     .help = "15-minute load divided by cores",
     .help_es = "carga de 15 minutos entre los núcleos"},
    {.name = "maxMemoryPct",
     .type = PARAM_REAL,
     .min = 1,
     .max = 100,
     .default_json = "95.0",
     .help = "memory in use",
     .help_es = "memoria en uso"},
    {.name = "maxDiskPct",
     .type = PARAM_REAL,
     .min = 1,
     .max = 100,
     .default_json = "90.0",
     .help = "space in use, for each path",
     .help_es = "espacio en uso, en cada ruta"},
    {.name = "maxInodePct",
     .type = PARAM_REAL,
     .min = 1,
     .max = 100,
     .default_json = "95.0",
     .help = "inodes in use, for each path",
     .help_es = "inodos en uso, en cada ruta"},
    {.name = "maxOpenFilesPct",
     .type = PARAM_REAL,
     .min = 1,
     .max = 100,
     .default_json = "90.0",
     .help = "file handles of the machine in use",
     .help_es = "ficheros abiertos de la máquina"},
    {.name = "paths",
     .type = PARAM_TEXTS,
     .min = 1,
     .max = 50,
     .default_json = "[\"/\"]",
     .help = "file systems to look at",
     .help_es = "sistemas de ficheros que se miran"},
    {},
};

struct checkup {
  struct child *child;
  json_t *checks;
  int bad;
  struct buf findings; /* what is bad, in a line: the last one of a failed run is shown as its reason */
};

static void find(struct checkup *c, const char *text) {
  c->bad++;
  if (c->findings.len) buf_add_text(&c->findings, "; ");
  buf_add_text(&c->findings, text);
}

static void note(struct checkup *c, const char *name, double value, double limit) {
  char text[400];
  bool is_bad = value > limit;
  (void)snprintf(text, sizeof text, "%s: %.2f (limit %.2f)", name, value, limit);
  if (is_bad) find(c, text);
  child_print(c->child, "%-7s %s", is_bad ? "WARNING" : "ok", text);
  child_metric(c->child, name, value);
  json_array_append_new(c->checks, json_pack("{s:s, s:f, s:f, s:b}", "name", name, "value", value, "limit",
                                             limit, "ok", (int)!is_bad));
}

static void note_failure(struct checkup *c, const char *name, int error_number) {
  char text[400];
  (void)snprintf(text, sizeof text, "%s: %s", name, strerror(error_number));
  find(c, text);
  child_print(c->child, "WARNING %s", text);
  json_array_append_new(c->checks,
                        json_pack("{s:s, s:s, s:b}", "name", name, "error", strerror(error_number), "ok", 0));
}

static double limit_of(const struct checkup *c, const char *name) {
  return json_number_value(json_object_get(child_params(c->child), name));
}

static bool read_small_file(const char *path, char *text, size_t size) {
  FILE *f = fopen(path, "re");
  if (!f) return false;
  size_t n = fread(text, 1, size - 1, f);
  text[n] = '\0';
  fclose(f);
  return n > 0;
}

static void check_load(struct checkup *c) {
  char text[128];
  double one, five, fifteen;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (!read_small_file("/proc/loadavg", text, sizeof text) ||
      sscanf(text, "%lf %lf %lf", &one, &five, &fifteen) != 3) {
    note_failure(c, "loadPerCore", errno);
    return;
  }
  note(c, "loadPerCore", fifteen / (double)(cores > 0 ? cores : 1), limit_of(c, "maxLoadPerCore"));
}

static double meminfo_kb(const char *text, const char *key) {
  const char *line = strstr(text, key);
  double value = 0;
  return line && sscanf(line + strlen(key), " %lf", &value) == 1 ? value : 0;
}

static void check_memory(struct checkup *c) {
  char text[4096];
  if (!read_small_file("/proc/meminfo", text, sizeof text)) {
    note_failure(c, "memoryPct", errno);
    return;
  }
  double total = meminfo_kb(text, "MemTotal:"), available = meminfo_kb(text, "MemAvailable:");
  if (total > 0) note(c, "memoryPct", 100 * (total - available) / total, limit_of(c, "maxMemoryPct"));
}

static void check_open_files(struct checkup *c) {
  char text[128];
  double used, unused, most;
  if (!read_small_file("/proc/sys/fs/file-nr", text, sizeof text) ||
      sscanf(text, "%lf %lf %lf", &used, &unused, &most) != 3)
    return;
  if (most > 0) note(c, "openFilesPct", 100 * (used - unused) / most, limit_of(c, "maxOpenFilesPct"));
}

static void check_disk(struct checkup *c, const char *path) {
  struct statvfs v;
  char name[300];
  (void)snprintf(name, sizeof name, "diskPct %.250s", path);
  if (statvfs(path, &v) != 0) {
    note_failure(c, name, errno);
    return;
  }
  double used = (double)(v.f_blocks - v.f_bfree), usable = used + (double)v.f_bavail;
  if (usable > 0) note(c, name, 100 * used / usable, limit_of(c, "maxDiskPct"));
  (void)snprintf(name, sizeof name, "inodePct %.250s", path);
  if (v.f_files > 0)
    note(c, name, 100 * (double)(v.f_files - v.f_ffree) / (double)v.f_files, limit_of(c, "maxInodePct"));
}

static int run(struct child *child) {
  struct checkup c = {.child = child, .checks = json_array(), .findings = buf_new(FINDINGS_BYTES_MAX)};
  check_load(&c);
  check_memory(&c);
  check_open_files(&c);
  const json_t *paths = json_object_get(child_params(child), "paths");
  for (size_t i = 0; i < json_array_size(paths); i++)
    check_disk(&c, json_string_value(json_array_get(paths, i)));
  if (c.bad > 0) child_print(child, "unhealthy: %.*s", (int)c.findings.len, c.findings.ptr);
  buf_free(&c.findings);
  child_result(child, json_pack("{s:b, s:o}", "healthy", (int)(c.bad == 0), "checks", c.checks));
  return c.bad > 0 ? EXECUTOR_FAILED : EXECUTOR_OK;
}

const struct executor executor_system_health_check = {
    .name = "system_health_check",
    .class_name = "SystemHealthCheckExecutor",
    .description = "Checks load, memory, disks and open files against limits",
    .description_es = "Compara carga, memoria, discos y ficheros abiertos con sus límites",
    .params = params,
    .run = run,
};
