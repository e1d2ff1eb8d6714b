/* Secrets inside JSON that people write (params of executors). What looks like one, by its key or as the
 * password of a URL, is shown as "***"; a text that comes back as it was shown keeps its old value. Pure. */
#pragma once
#include "base/arena.h"
#include "base/json.h"

#define MASK "***"

/* The masked copy of a JSON text, in the arena. NULL stays NULL; what is not JSON becomes "***". */
const char *mask_json_text(const char *json, struct arena *arena);
/* Replaces in `given` each text that equals the masked form of the text at the same place in `old`. */
void mask_restore(json_t *given, const json_t *old);
bool mask_is_secret_key(struct str key);
