#include "live/redis_seen.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

#define LAST 64 /* numbers are answered late by at most as many as there are handles */

struct redis_seen {
  struct redis_seen *next;
  int refs;
  int64_t number, last[LAST];
  size_t count; /* of numbers ever added */
  char *url, *key;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct redis_seen *all;

static void free_seen(struct redis_seen *s) {
  free(s->url);
  free(s->key);
  free(s);
}

static struct redis_seen *add_new(const char *url, const char *key) {
  struct redis_seen *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  *s = (struct redis_seen){.next = all, .url = str_dup(str_of(url)), .key = str_dup(str_of(key))};
  if (s->url && s->key) return all = s;
  free_seen(s);
  return NULL;
}

struct redis_seen *redis_seen_ref(const char *url, const char *key) {
  pthread_mutex_lock(&mutex);
  struct redis_seen *s = all;
  while (s && (strcmp(s->url, url) != 0 || strcmp(s->key, key) != 0)) s = s->next;
  if (!s) s = add_new(url, key);
  if (s) s->refs++;
  pthread_mutex_unlock(&mutex);
  return s;
}

void redis_seen_unref(struct redis_seen *s) {
  if (!s) return;
  pthread_mutex_lock(&mutex);
  ASSERT(s->refs > 0);
  if (--s->refs == 0) {
    struct redis_seen **at = &all;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    free_seen(s);
  }
  pthread_mutex_unlock(&mutex);
}

int64_t redis_seen_number(struct redis_seen *s) {
  pthread_mutex_lock(&mutex);
  int64_t number = s->number;
  pthread_mutex_unlock(&mutex);
  return number;
}

static bool is_known(const struct redis_seen *s, int64_t number) {
  for (size_t i = 0; i < LAST && i < s->count; i++)
    if (s->last[i] == number) return true;
  return false;
}

void redis_seen_add(struct redis_seen *s, int64_t number) {
  pthread_mutex_lock(&mutex);
  if (is_known(s, number)) s->number++;
  else if (number > s->number) s->number = number;
  s->last[s->count++ % LAST] = number;
  pthread_mutex_unlock(&mutex);
}
