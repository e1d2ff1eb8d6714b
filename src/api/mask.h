/* Secrets inside JSON that people write (params of executors): shown as "***", and what comes back as it was shown
 * keeps its old value. Pure. Secret is
 *  - what the executor's schema says (struct mask_rules), and everything inside it;
 *  - what its key says (password, token, Authorization …), also in {"name":"TOKEN","value":"…"} and after "--token" in
 *    a list of arguments;
 *  - inside any text: the password in scheme://user:PASSWORD@host, a query's ?key=VALUE, and the value of NAME=value and
 *    "Name: value" where the name says so. */
#pragma once
#include "base/arena.h"
#include "base/json.h"

#define MASK "***"

struct mask_param { /* a member of the parameters that its schema calls secret */
  const char *name;
  const char *const *shown; /* of an object: keys whose values are harmless, in any case; NULL: none */
};
/* What is known of an executor's parameters. NULL instead of rules: nothing but names. */
struct mask_rules {
  bool hides_all; /* nobody can say any more what is secret: every text and number is */
  size_t count;
  const struct mask_param *params;
};

/* The masked copy of a JSON text, in the arena. NULL stays NULL; what is not JSON becomes "***". */
const char *mask_json_text(const char *json, const struct mask_rules *rules, struct arena *arena);
/* The same of one member of an object; the text itself when it has none. */
const char *mask_json_member(const char *json, const char *member, const struct mask_rules *rules,
                             struct arena *arena);
/* Replaces in `given` each text that equals the masked form of the text at the same place in `old`; in a text that was
 * changed, each mask that stands where the old one has a secret of that name. */
void mask_restore(json_t *given, const json_t *old, const struct mask_rules *rules);
/* Does it hold anything that is masked? */
bool mask_hides(const char *json, const struct mask_rules *rules);
/* Is there a mask left where a secret belongs: one that stands for no value we know? */
bool mask_is_left(const json_t *given, const struct mask_rules *rules);
bool mask_is_secret_key(struct str key);
