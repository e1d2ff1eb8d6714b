#include "app/world_probe.h"

#include "base/json.h"
#include "worlds/sql.h"

static bool see(void *arg, const struct sql_row *row) {
  (void)arg, (void)row;
  return false;
}

/* {} → {live:{mode, isMeasured, usedBytes, worlds, dirtyWorlds, locks, oldestDirtyMs, server, durability}} */
static enum err probe(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct live_status s = {.oldest_dirty_ms = INSTANT_NONE};
  (void)q;
  TRY(sqldb_query(l->db, SQL_SETTINGS_GET, SQL_NO_ARGS, see, NULL, &r->detail));
  TRY(live_ping(l->live, &r->detail));
  TRY(live_status(l->live, &s, &r->detail));
  r->body =
      json_pack("{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "mode", (int)s.mode, "isMeasured",
                (int)s.is_measured, "usedBytes", (json_int_t)s.used_bytes, "worlds", (json_int_t)s.worlds,
                "dirtyWorlds", (json_int_t)s.dirty_worlds, "locks", (json_int_t)s.locks, "oldestDirtyMs",
                (json_int_t)s.oldest_dirty_ms, "server", s.server, "durability", s.durability);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

const struct world_call world_probe_call = {.name = "probe",
                                            .fn = probe,
                                            .flags = CALL_READ,
                                            .help = "whether database and live state answer"};

bool world_probe_read(const struct world_reply *reply, struct live_status *ret) {
  const json_t *b = reply->body;
  if (!json_is_object(b)) return false;
  *ret = (struct live_status){.mode = (enum live_mode)json_int_at(b, "mode", LIVE_NONE),
                              .is_measured = json_bool_at(b, "isMeasured", false),
                              .used_bytes = json_int_at(b, "usedBytes", 0),
                              .worlds = json_int_at(b, "worlds", 0),
                              .dirty_worlds = json_int_at(b, "dirtyWorlds", 0),
                              .locks = json_int_at(b, "locks", 0),
                              .oldest_dirty_ms = json_int_at(b, "oldestDirtyMs", INSTANT_NONE)};
  str_copy(ret->server, sizeof ret->server, json_text_at(b, "server"));
  str_copy(ret->durability, sizeof ret->durability, json_text_at(b, "durability"));
  return true;
}
