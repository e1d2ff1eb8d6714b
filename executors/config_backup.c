/* config_backup and system_backup: the first copies the cron store and the configuration, the second the
 * worlds as well. serve copies (backup.begin, .file, .finish); this drives it. */
#include <string.h>

#include "executors/world_pages.h"

static const struct executor_param params[] = {
    {.name = "keep",
     .type = PARAM_INT,
     .min = 1,
     .max = 900,
     .default_json = "8",
     .help = "backups kept of this kind",
     .help_es = "copias de este tipo que se conservan"},
    {},
};

struct backup_run {
  struct child *child;
  json_t *files;
};

static void add_files(void *arg, const json_t *page, json_t *next_args) {
  struct backup_run *r = arg;
  (void)next_args;
  const json_t *files = json_object_get(page, "files");
  for (size_t i = 0; i < json_array_size(files); i++) {
    const json_t *f = json_array_get(files, i);
    json_array_append(r->files, (json_t *)json_array_get(files, i));
    child_print(r->child, "%s: %lld bytes", json_string_value(json_object_get(f, "name")),
                (long long)json_integer_value(json_object_get(f, "bytes")));
  }
}

static void ignore_page(void *arg, const json_t *page, json_t *next_args) {
  (void)arg, (void)page, (void)next_args;
}

static enum err copy_all(struct backup_run *r, const json_t *begun, struct err_detail *detail) {
  const char *name = json_string_value(json_object_get(begun, "name"));
  const json_t *files = json_object_get(begun, "files");
  for (size_t i = 0; i < json_array_size(files); i++) {
    json_t *args = json_pack("{s:s, s:O}", "name", name, "file", json_array_get(files, i));
    TRY(world_pages(r->child, "backup.file", args, add_files, r, detail));
    child_progress(r->child, (double)(i + 1) / (double)(json_array_size(files) + 1), NULL);
  }
  json_t *done = NULL;
  json_t *args = json_pack("{s:s, s:O, s:O}", "name", name, "files", r->files, "keep",
                           json_object_get(child_params(r->child), "keep"));
  TRY(child_call(r->child, "backup.finish", args, NULL, &done, NULL, detail));
  child_metric(r->child, "bytes", (double)json_integer_value(json_object_get(done, "bytes")));
  child_metric(r->child, "files", (double)json_array_size(r->files));
  child_print(r->child, "backup %s is whole", name);
  json_object_set_new(done, "success", json_true());
  child_result(r->child, done);
  return ERR_OK;
}

/* What is live goes into the database first, so that the copy has all that was acknowledged before it. */
static enum err back_up(struct backup_run *r, const char *kind, struct err_detail *detail) {
  json_t *begun = NULL;
  if (strcmp(kind, "system") == 0)
    TRY(world_pages(r->child, "sync.page", json_object(), ignore_page, NULL, detail));
  TRY(child_call(r->child, "backup.begin", json_pack("{s:s}", "kind", kind), NULL, &begun, NULL, detail));
  enum err e = copy_all(r, begun, detail);
  json_decref(begun);
  return e;
}

static int run_kind(struct child *child, const char *kind) {
  struct err_detail detail = {};
  struct backup_run r = {.child = child, .files = json_array()};
  enum err e = back_up(&r, kind, &detail);
  json_decref(r.files);
  return e == ERR_OK ? EXECUTOR_OK : world_pages_failed(child, e, &detail);
}

static int run_config(struct child *child) { return run_kind(child, "config"); }
static int run_system(struct child *child) { return run_kind(child, "system"); }

const struct executor executor_config_backup = {
    .name = "config_backup",
    .class_name = "ConfigBackupExecutor",
    .description = "Copies the cron store and the configuration",
    .description_es = "Copia el almacén de tareas y la configuración",
    .params = params,
    .needs_channel = true,
    .run = run_config,
};
const struct executor executor_system_backup = {
    .name = "system_backup",
    .class_name = "SystemBackupExecutor",
    .description = "Copies the cron store, the configuration and the worlds",
    .description_es = "Copia el almacén de tareas, la configuración y los mundos",
    .params = params,
    .needs_channel = true,
    .run = run_system,
};
