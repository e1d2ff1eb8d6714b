/* What programs in the executors folder say of themselves: the file NAME.json beside the program NAME,
 *   {"description": T, "params": [{"name":"key","type":"text","required":true,"secret":true,"help": T, "min":1,"max":100,
 *    "default":…, "choices":[…], "shown":["Accept"]}]}
 * where T is a text, or {"en": text, "es": text}. It makes the form and the masks; the program checks its parameters
 * itself. The file has to be as safe as the program: a regular one of ours that nobody else may write. What is wrong
 * with it is told in the program's description, and then all its parameters count as secret. */
#pragma once
#include "api/mask.h"
#include "app/programs.h"

#define PROGRAM_NOTE_BYTES_MAX 65536
#define PROGRAM_NOTE_SUFFIX ".json"

struct program_notes; /* those asked for, kept in memory; looked at anew after a second */

/* programs is borrowed. NULL: out of memory. */
struct program_notes *program_notes_new(const struct programs *programs);
void program_notes_free(struct program_notes *n); /* NULL-safe */

/* What the schemas of built-in executors and programs say is secret, in the arena.
 * command NULL, or no executor of this name: nobody knows any more, so everything is. "": what any executor known says.
 * is_surely false: of a row that another executor may have been meant for: what any of those known calls secret, too. */
struct mask_rules secret_rules(struct program_notes *n, const char *command, bool is_surely, int64_t tick_ms,
                               struct arena *arena);
/* One object {name, class, kind, description, enabled, params} per program, into an open array, in this language. */
void program_notes_write_json(struct program_notes *n, const char *language, int64_t tick_ms,
                              struct json_writer *w);
