#include "api/access.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/json.h"

bool net_parse(struct str text, struct net *ret) {
  char address[INET6_ADDRSTRLEN];
  size_t slash = str_find_char(text, '/');
  struct str host = slash == SIZE_MAX ? text : (struct str){text.ptr, slash};
  if (!str_copy(address, sizeof address, host)) return false;
  struct net n = {};
  struct in_addr v4;
  unsigned width = 128;
  if (inet_pton(AF_INET, address, &v4) == 1) {
    width = 32;
    n.address[10] = n.address[11] = 0xFF;
    memcpy(n.address + 12, &v4, 4);
  } else if (inet_pton(AF_INET6, address, n.address) != 1) {
    return false;
  }
  int64_t bits = width;
  if (slash != SIZE_MAX && !str_to_int(str_from(text, slash + 1), 0, width, &bits)) return false;
  n.bits = (unsigned)bits + (128 - width);
  *ret = n;
  return true;
}

bool net_contains(const struct net *n, const struct net *host) {
  unsigned bytes = n->bits / 8, rest = n->bits % 8;
  if (memcmp(n->address, host->address, bytes) != 0) return false;
  return rest == 0 || ((n->address[bytes] ^ host->address[bytes]) >> (8 - rest)) == 0;
}

bool scope_allows_address(const struct scope *s, struct str peer) {
  if (!s || s->net_count == 0) return true;
  struct net host;
  if (!net_parse(peer, &host)) return false;
  for (size_t i = 0; i < s->net_count; i++)
    if (net_contains(&s->nets[i], &host)) return true;
  return false;
}

static enum err read_jobs(const json_t *list, struct scope *s, struct err_detail *d) {
  size_t n = json_array_size(list);
  if (!json_is_array(list) || n == 0 || n > SCOPE_JOBS_MAX)
    return err_set(d, ERR_INVALID, "scope.jobs", 0, "a list of 1 to %d job names or ids", SCOPE_JOBS_MAX);
  s->jobs = calloc(n, sizeof *s->jobs);
  if (!s->jobs) return ERR_NO_MEMORY;
  for (size_t i = 0; i < n; i++) {
    const json_t *item = json_array_get(list, i);
    if (!json_is_string(item) || json_string_length(item) == 0)
      return err_set(d, ERR_INVALID, "scope.jobs", 0, "each entry is the name or the id of a job");
    s->jobs[i] = str_dup((struct str){json_string_value(item), json_string_length(item)});
    if (!s->jobs[i]) return ERR_NO_MEMORY;
    s->job_count = i + 1;
  }
  return ERR_OK;
}

static enum err read_nets(const json_t *list, struct scope *s, struct err_detail *d) {
  size_t n = json_array_size(list);
  if (!json_is_array(list) || n == 0 || n > SCOPE_NETS_MAX)
    return err_set(d, ERR_INVALID, "scope.nets", 0, "a list of 1 to %d networks", SCOPE_NETS_MAX);
  for (size_t i = 0; i < n; i++) {
    const json_t *item = json_array_get(list, i);
    struct str text = {json_string_value(item), json_string_length(item)};
    if (!text.ptr || !net_parse(text, &s->nets[i])) {
      enum err e = err_set(d, ERR_INVALID, "scope.nets", 0, "entry %zu is no network", i + 1);
      err_hint(d, "write 10.0.0.0/8, 192.168.1.7 or 2001:db8::/32");
      return e;
    }
  }
  s->net_count = n;
  return ERR_OK;
}

static enum err read_scope(const json_t *object, struct scope *s, struct err_detail *d) {
  if (!json_is_object(object)) return err_set(d, ERR_INVALID, "scope", 0, "an object");
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    struct str k = str_of(key);
    if (str_eq(k, STR("jobs"))) {
      TRY(read_jobs(value, s, d));
    } else if (str_eq(k, STR("nets"))) {
      TRY(read_nets(value, s, d));
    } else if (str_eq(k, STR("singleUse")) && json_is_boolean(value)) {
      s->is_single_use = json_is_true(value);
    } else if (str_eq(k, STR("worlds")) && json_is_boolean(value)) {
      s->is_worlds = json_is_true(value);
    } else {
      enum err e = err_set(d, ERR_INVALID, "scope", 0, "\"%.40s\" is not known or of the wrong type", key);
      err_hint(d, "jobs (list), nets (list), singleUse and worlds (boolean) are");
      return e;
    }
  }
  return ERR_OK;
}

enum err scope_parse(const char *json, struct scope *ret, struct err_detail *detail) {
  struct scope s = {};
  if (!json) {
    *ret = s;
    return ERR_OK;
  }
  JSON_AUTO json_t *object = NULL;
  TRY(json_parse(str_of(json), &object, detail));
  enum err e = read_scope(object, &s, detail);
  if (e == ERR_OK) *ret = s;
  else scope_free(&s);
  return e;
}

void scope_free(struct scope *s) {
  for (size_t i = 0; i < s->job_count; i++) free(s->jobs[i]);
  free((void *)s->jobs);
  *s = (struct scope){};
}

bool access_is_service(const struct who *who) {
  return who->kind == WHO_TOKEN && who->scope && who->scope->is_worlds && who->role >= ROLE_OPERATOR;
}

bool access_sees_job(const struct who *who, const char *id, const char *name) {
  const struct scope *s = who->scope;
  if (!s || s->job_count == 0) return true;
  for (size_t i = 0; i < s->job_count; i++) {
    struct str wanted = str_of(s->jobs[i]);
    if ((id && str_eq(wanted, str_of(id))) || (name && str_eq(wanted, str_of(name)))) return true;
  }
  return false;
}

static enum err forbid(struct err_detail *d, enum role least, const char *why) {
  enum err e = err_set(d, ERR_FORBIDDEN, NULL, 0, "%s", why);
  err_hint(d, "this needs the role %s", role_text(least));
  return e;
}

/* A token limited to jobs, to worlds or to both reaches these alone. */
static enum err check_limits(const struct scope *s, const struct access_need *need, struct err_detail *d) {
  bool has_jobs = s && s->job_count > 0, has_worlds = s && s->is_worlds;
  if (!has_jobs && !has_worlds) return ERR_OK;
  if ((need->is_about_job && has_jobs) || (need->is_about_world && has_worlds)) return ERR_OK;
  return err_set(d, ERR_FORBIDDEN, NULL, 0, "this token is limited to %s%s%s", has_jobs ? "some jobs" : "",
                 has_jobs && has_worlds ? " and to " : "", has_worlds ? "worlds" : "");
}

enum err access_check(const struct who *who, const struct access_need *need, const struct access_job *job,
                      struct err_detail *d) {
  ASSERT((unsigned)who->role < ROLE_COUNT && (unsigned)need->least < ROLE_COUNT);
  if (need->least == ROLE_NONE) return ERR_OK;
  if (who->kind == WHO_CRON_SECRET)
    return need->takes_cron_secret ? ERR_OK
                                   : err_set(d, ERR_FORBIDDEN, NULL, 0,
                                             "CRON_SECRET opens the two cron endpoints and nothing else");
  if (who->kind == WHO_NOBODY) return ERR_UNAUTHENTICATED;
  if (who->role < need->least) return forbid(d, need->least, "your role does not allow this");
  if (!job) return check_limits(who->scope, need, d);
  if (!access_sees_job(who, job->id, job->name))
    return err_set(d, ERR_FORBIDDEN, NULL, 0, "this token is limited to other jobs");
  if (need->is_write && job->is_critical && who->role < ROLE_ADMIN)
    return forbid(d, ROLE_ADMIN, "this job is critical");
  return ERR_OK;
}
