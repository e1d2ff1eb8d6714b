/* Secrets that were shown masked and come back: they keep their values, but go nowhere else by it. */
#include <stdlib.h>

#include "api/job_edit.h"

static struct mask_rules rules_of(struct call *c, struct str command) {
  const char *name = arena_strdup(&c->req->arena, command);
  return engine_mask_rules(c->api->engine, name, true, &c->req->arena);
}

enum err job_check_masks(struct call *c, const json_t *params, struct str command) {
  struct mask_rules rules = rules_of(c, command.ptr ? command : STR(""));
  rules.hides_all = false; /* an executor that is not there is refused by its own check */
  if (!params || !mask_is_left(params, &rules)) return ERR_OK;
  enum err e = err_set(&c->detail, ERR_INVALID, "params", 0,
                       "\"" MASK "\" stands for a secret that is not known here");
  err_hint(&c->detail, "give the secret itself, or leave it out");
  return e;
}

/* Where the parameters go: a kept secret must not be led elsewhere by who cannot see it. */
static bool goes_elsewhere(const struct call *c, const struct job *old, const json_t *given,
                           const json_t *before) {
  static const char *const places[] = {"url", "command", "shell"};
  const json_t *command = json_object_get(c->body, "command");
  if (command && !str_eq(json_text_at(c->body, "command"), str_of(old->command))) return true;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const json_t *now = json_object_get(given, places[i]), *was = json_object_get(before, places[i]);
    if ((now || was) && !json_equal(now, was)) return true;
  }
  return false;
}

static enum err refuse(struct call *c, const char *field) {
  enum err e = err_set(&c->detail, ERR_INVALID, field, 0,
                       "a masked secret is kept only while command, url and shell stay as they are");
  err_hint(&c->detail, "give the secret again, or leave it out");
  return e;
}

struct masked_field {
  const char *name, *was; /* was: the stored text */
  struct mask_rules rules;
};

static enum err restore(struct call *c, const struct job *old, json_t *given, const struct masked_field *f) {
  JSON_AUTO json_t *before = NULL;
  JSON_AUTO json_t *asked = json_deep_copy(given);
  if (!f->was || json_parse(str_of(f->was), &before, NULL) != ERR_OK) return ERR_OK;
  if (!asked) return ERR_NO_MEMORY;
  mask_restore(given, before, &f->rules);
  bool is_elsewhere = !json_equal(asked, given) && goes_elsewhere(c, old, given, before);
  return is_elsewhere && c->who.role < ROLE_ADMIN ? refuse(c, f->name) : ERR_OK;
}

enum err job_restore_masked(struct call *c, const struct job *old) {
  json_t *params = json_object_get(c->body, "params"), *labels = json_object_get(c->body, "labels");
  struct str command = json_text_at(c->body, "command");
  if (!command.ptr) command = str_of(old->command);
  struct masked_field of_params = {"params", old->params, rules_of(c, str_of(old->command))};
  struct masked_field of_labels = {.name = "labels", .was = old->labels};
  if (labels) TRY(restore(c, old, labels, &of_labels));
  if (params) TRY(restore(c, old, params, &of_params));
  if (params) return job_check_masks(c, params, command);
  /* Left as they are, but given to another executor. */
  bool is_moved = !str_eq(command, str_of(old->command)) && c->req->method != HTTP_PUT;
  return is_moved && c->who.role < ROLE_ADMIN && mask_hides(old->params, &of_params.rules)
             ? refuse(c, "params")
             : ERR_OK;
}

enum err job_restore_run_params(struct call *c, const struct job *job, json_t *given, const char **ret) {
  struct masked_field f = {"params", job->params, rules_of(c, str_of(job->command))};
  TRY(restore(c, job, given, &f));
  TRY(job_check_masks(c, given, str_of(job->command)));
  char *text = json_to_text(given);
  *ret = text ? arena_strdup(&c->req->arena, str_of(text)) : NULL;
  free(text);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}
