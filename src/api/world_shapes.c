/* What goes in and comes out of the routes about worlds. The calls check their arguments themselves; these tables are
 * the description (OpenAPI) and give the types of query parameters. */
#include "api/api_worlds.h"
#include "model/world_row.h"

/* An argument that the call checks. */
#define ARG(name, type, flags, min, max, help) \
  { name, FIELD_##type, (flags), (min), (max), FIELD_NULL, NULL, 0, help }
#define ANSWER_PARTS(id, schema, part_list, ...)                                          \
  static const struct field id##_fields[] = {__VA_ARGS__};                                \
  static const size_t id##_count = sizeof id##_fields / sizeof *id##_fields;              \
  const struct shape id##_shape = {.name = (schema),                                      \
                                   .fields = id##_fields,                                 \
                                   .field_count = &id##_count,                            \
                                   .parts = (part_list),                                  \
                                   .part_count = sizeof(part_list) / sizeof *(part_list), \
                                   .is_open = true}
#define ANSWER(id, schema, ...)                                              \
  static const struct field id##_fields[] = {__VA_ARGS__};                   \
  static const size_t id##_count = sizeof id##_fields / sizeof *id##_fields; \
  const struct shape id##_shape = {                                          \
      .name = (schema), .fields = id##_fields, .field_count = &id##_count, .is_open = true}

/* ---- pages ---- */
SHAPE_OF(worlds_query, "WorldsQuery", 0, ARG("cursor", TEXT, 0, 1, 128, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, LIMIT_PAGE, "rows of a page; 100"),
         ARG("owner", TEXT, 0, 1, 128, "of this owner"),
         {"status", FIELD_ENUM, 0, 0, 0, FIELD_NULL, world_status_names, 0, "of this status"},
         ARG("paused", BOOL, 0, 0, 1, "paused ones, or those that are not"),
         ARG("q", TEXT, 0, 0, 1000,
             "the filter language: status:paused active>7d deletion<3d fav:yes name~itaca; a "
             "page may be short of its limit and have a nextCursor all the same"));
SHAPE_OF(world_page_query, "WorldPageQuery", 0,
         ARG("cursor", TEXT, 0, 1, 200, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, 200, "rows of a page; 50"));
SHAPE_OF(world_events_query, "WorldEventsQuery", 0,
         ARG("cursor", TEXT, 0, 1, 200, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, 200, "rows of a page; 50"),
         ARG("status", TEXT, 0, 1, 20, "scheduled, applied, done, expired, rejected, cancelled"));

/* ---- the world ---- */
static const struct shape_part world_parts[] = {{"live", NULL, PART_OBJECT}, {"stats", NULL, PART_OBJECT}};
const struct shape world_shape = {.name = "World",
                                  .fields = world_row_fields,
                                  .field_count = &world_row_field_count,
                                  .parts = world_parts,
                                  .part_count = 2,
                                  .is_open = true};
const struct shape world_new_shape = {.name = "NewWorld",
                                      .fields = world_row_fields,
                                      .field_count = &world_row_field_count};
const struct shape world_edit_shape = {.name = "WorldEdit",
                                       .fields = world_row_fields,
                                       .field_count = &world_row_field_count,
                                       .mode = FIELD_PATCH};
static const struct shape_part world_page_parts[] = {{"data", &world_shape, PART_LIST}};
SHAPE_PARTS(world_page, "WorldPage", NULL, world_page_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
static const struct shape_part worlds_status_parts[] = {{"live", NULL, PART_OBJECT}};
ANSWER_PARTS(worlds_status, "WorldsStatus", worlds_status_parts, OUT("total", INT, 0, "all worlds"),
             OUT("running", INT, 0, ""), OUT("paused", INT, 0, ""), OUT("archived", INT, 0, ""),
             OUT("favorites", INT, 0, ""), OUT("scheduledForDeletion", INT, 0, ""),
             OUT("dirty", INT, 0, "worlds with state that is not in the database yet"),
             OUT("oldestDirtyAt", INSTANT, FIELD_NULLABLE, ""), OUT("mailsUnsent", INT, 0, ""),
             OUT("database", TEXT, 0, "sqlite or postgres"), OUT("databaseBytes", INT, 0, ""));
ANSWER(world_import_answer, "ImportAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("rows", INT, 0, ""), OUT("segments", INT, 0, "of its archive"));
ANSWER(world_erase_answer, "EraseAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""));

/* ---- talking ---- */
SHAPE_OF(world_message, "WorldMessage", 0, ARG("text", TEXT, FIELD_REQUIRED, 1, 65536, "what is said"),
         ARG("speaker", TEXT, 0, 1, 200, "who says it; default the user"),
         ARG("place", TEXT, 0, 1, 200, "where"), ARG("data", JSON, 0, 0, 65536, "the application's own"),
         ARG("tokens", INT, 0, 0, 1000000000, "of the language model"),
         ARG("costUSD", REAL3, 0, 0, 1000000, ""), ARG("sessionSeconds", INT, 0, 0, 86400, ""),
         ARG("at", INSTANT, 0, 0, 0, "when it was said; default now, never later than now"),
         ARG("isUser", BOOL, 0, 0, 1,
             "false: a character's act; no activity of a user, wakes nothing; for the application"));
ANSWER(world_message_answer, "WorldMessageAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("resumed", BOOL, 0, "it was paused, and this message has resumed it"),
       OUT("wasPaused", BOOL, 0, ""), OUT("turn", INT, 0, ""), OUT("lastActiveAt", INSTANT, 0, ""),
       OUT("addedLatencyMs", REAL3, 0, "what resuming took"));
SHAPE_OF(world_touch, "WorldActivity", 0, ARG("at", INSTANT, 0, 0, 0, "default now"));
ANSWER(world_touch_answer, "WorldActivityAnswer", OUT("success", BOOL, 0, ""),
       OUT("lastActiveAt", INSTANT, FIELD_NULLABLE, ""));
SHAPE_OF(world_tick, "WorldTick", 0, ARG("n", INT, 0, 1, 1000, "steps; 1"));
ANSWER(world_tick_answer, "WorldTickAnswer", OUT("ticks", INT, 0, ""), OUT("allowed", BOOL, 0, ""),
       OUT("reason", TEXT, FIELD_NULLABLE, ""));

/* ---- pausing ---- */
static const char *const pause_by_hand_names[] = {"manual", "system", NULL};
SHAPE_OF(world_pause, "WorldPause", 0,
         {"reason", FIELD_ENUM, 0, 0, 0, FIELD_NULL, pause_by_hand_names, 0, "manual unless said"});
#define STATE_FIELDS                                                                                  \
  OUT_ENUM("status", 0, world_status_names, ""), OUT("isPaused", BOOL, 0, ""),                        \
      OUT_ENUM("pauseReason", FIELD_NULLABLE, pause_reason_names, ""),                                \
      OUT("pausedAt", INSTANT, FIELD_NULLABLE, ""), OUT("lastActiveAt", INSTANT, FIELD_NULLABLE, ""), \
      OUT("scheduledDeletion", INSTANT, FIELD_NULLABLE, ""),                                          \
      OUT("vacationUntil", INSTANT, FIELD_NULLABLE, "")
ANSWER(world_pause_answer, "WorldPauseAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("wasPaused", BOOL, 0, "true: it was paused already"), STATE_FIELDS);
ANSWER(world_resume_answer, "WorldResumeAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("wasResumed", BOOL, 0, "false: it was not paused"), STATE_FIELDS);
SHAPE_OF(world_favorite, "WorldFavorite", 0, ARG("favorite", BOOL, 0, 0, 1, "default: the other one"));
ANSWER(world_favorite_answer, "WorldFavoriteAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("isFavorite", BOOL, 0, "the new value"), OUT("scheduledDeletion", INSTANT, FIELD_NULLABLE, ""));
SHAPE_OF(world_vacation, "WorldVacation", 0, ARG("until", INSTANT, FIELD_REQUIRED, 0, 0, "in the future"));
ANSWER(world_vacation_answer, "WorldVacationAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       STATE_FIELDS);
#define VERDICT_FIELDS                                                                                      \
  OUT("worldId", TEXT, 0, ""), OUT("worldName", TEXT, FIELD_NULLABLE, ""), OUT("shouldPause", BOOL, 0, ""), \
      OUT_ENUM("reason", FIELD_NULLABLE, pause_reason_names, "the rung it would be put on"),                \
      OUT("why", TEXT, 0, "what it rests on, or what protects it: favorite, future_event, active_5h …"),    \
      OUT("idleHours", INT, 0, ""), OUT("isProtected", BOOL, 0, "no step of the ladder while that lasts"),  \
      OUT("isFavorite", BOOL, 0, ""), OUT_ENUM("status", 0, world_status_names, ""),                        \
      OUT_ENUM("pauseReason", FIELD_NULLABLE, pause_reason_names, ""),                                      \
      OUT("lastActiveAt", INSTANT, FIELD_NULLABLE, ""), OUT("idleSince", INSTANT, FIELD_NULLABLE, ""),      \
      OUT("nextStepAt", INSTANT, FIELD_NULLABLE, "if nothing happens"),                                     \
      OUT("nextEventAt", INSTANT, FIELD_NULLABLE, ""),                                                      \
      OUT("scheduledDeletion", INSTANT, FIELD_NULLABLE, ""),                                                \
      OUT("deletionAt", INSTANT, FIELD_NULLABLE, "when it would be deleted")
ANSWER(should_pause, "ShouldPause", VERDICT_FIELDS);

/* ---- state, people, events ---- */
static const struct shape_part state_parts[] = {{"core", NULL, PART_OBJECT},
                                                {"session", NULL, PART_OBJECT},
                                                {"events", NULL, PART_LIST}};
ANSWER_PARTS(world_state, "WorldState", state_parts, OUT("worldId", TEXT, 0, ""), OUT("isLive", BOOL, 0, ""),
             OUT("version", INT, 0, ""), OUT("turn", INT, 0, ""), OUT("ticks", INT, 0, ""),
             OUT("hash", TEXT, 0, "of all of it"));
ANSWER(world_state_answer, "WorldStateAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("version", INT, 0, ""));
ANSWER(world_state_input, "WorldStateEdit", ARG("core", JSON, 0, 0, 1048576, "fields; null removes one"),
       ARG("session", JSON, 0, 0, 1048576, "fields of the session"),
       ARG("events", JSON, 0, 0, 1048576, "temporary events to add: {at, data}"));
ANSWER(world_member, "WorldMember", OUT("userId", TEXT, 0, ""),
       OUT("lastActiveAt", INSTANT, FIELD_NULLABLE, ""));
static const struct shape_part members_parts[] = {{"data", &world_member_shape, PART_LIST}};
ANSWER_PARTS(world_members, "WorldMembers", members_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
ANSWER(world_member_answer, "WorldMemberAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("userId", TEXT, 0, ""), OUT("changed", BOOL, 0, "false: so it was already"));
ANSWER(world_event, "WorldEvent", OUT("id", TEXT, 0, ""), OUT("type", TEXT, 0, ""),
       OUT("status", TEXT, 0, ""), OUT("isEmergent", BOOL, 0, "made by the job emergent-events"),
       OUT("createdAt", INSTANT, FIELD_NULLABLE, ""), OUT("scheduledAt", INSTANT, FIELD_NULLABLE, ""),
       OUT("expiresAt", INSTANT, FIELD_NULLABLE, ""), OUT("turn", INT, FIELD_NULLABLE, ""),
       OUT("text", TEXT, FIELD_NULLABLE, ""));
ANSWER(world_event_answer, "WorldEventAnswer", OUT("success", BOOL, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("id", TEXT, 0, ""), OUT("protects", BOOL, 0, "it lies ahead"),
       OUT("cancelled", BOOL, 0, "of a cancel: false when it was not scheduled any more"));
static const struct shape_part world_events_parts[] = {{"data", &world_event_shape, PART_LIST}};
ANSWER_PARTS(world_events, "WorldEvents", world_events_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
SHAPE_OF(world_event_new, "NewWorldEvent", 0, ARG("id", TEXT, 0, 1, 128, "the caller's, or made here"),
         ARG("type", TEXT, FIELD_REQUIRED, 1, 64, "what kind"),
         ARG("scheduledAt", INSTANT, FIELD_REQUIRED, 0, 0, "while it lies ahead the world is not paused"),
         ARG("expiresAt", INSTANT, 0, 0, 0, ""), ARG("text", TEXT, 0, 1, 4000, "what is planned"),
         ARG("participants", JSON, 0, 0, 4000, "list of names"));
ANSWER(world_note, "WorldNote", OUT("id", TEXT, 0, ""), OUT("at", INSTANT, 0, ""), OUT("actor", TEXT, 0, ""),
       OUT("action", TEXT, 0, ""), OUT("detail", JSON, FIELD_NULLABLE, "what was true then"));
static const struct shape_part history_parts[] = {{"data", &world_note_shape, PART_LIST}};
ANSWER_PARTS(world_history, "WorldHistory", history_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
static const struct shape_part narrative_parts[] = {{"metrics", NULL, PART_OBJECT},
                                                    {"lastEvent", NULL, PART_OBJECT},
                                                    {"today", NULL, PART_OBJECT}};
ANSWER_PARTS(world_narrative, "WorldNarrative", narrative_parts, OUT("worldId", TEXT, 0, ""),
             OUT("measuredAt", INSTANT, FIELD_NULLABLE, "null: never by the job; as it stands now"));

/* ---- memory ---- */
ANSWER(world_summary, "WorldSummary", OUT("id", TEXT, 0, ""), OUT("level", INT, 0, ""),
       OUT("fromTurn", INT, 0, ""), OUT("toTurn", INT, 0, ""),
       OUT("count", INT, 0, "interactions it stands for"), OUT("method", TEXT, 0, ""),
       OUT("text", TEXT, 0, ""), OUT("isPinned", BOOL, 0, ""));
static const struct shape_part world_summaries_parts[] = {{"data", &world_summary_shape, PART_LIST}};
SHAPE_OF(world_summaries_query, "WorldSummariesQuery", 0,
         ARG("cursor", INT, 0, -1, INT64_MAX, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, LIMIT_PAGE, "rows of a page; 100"),
         ARG("all", BOOL, 0, 0, 1, "also those that were merged into others"));
ANSWER_PARTS(world_summaries, "WorldSummaries", world_summaries_parts,
             OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
SHAPE_OF(world_summary_edit, "WorldSummaryEdit", 0, ARG("text", TEXT, 0, 1, 8000, "in its place"),
         ARG("restore", BOOL, 0, 0, 1, "true: the text as it was made"),
         ARG("isPinned", BOOL, 0, 0, 1, "true: always part of the context"));
SHAPE_OF(world_archive_query, "WorldArchiveQuery", 0,
         ARG("cursor", INT, 0, -1, INT64_MAX, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, LIMIT_PAGE, "rows of a page; 100"));
ANSWER(world_segment, "WorldSegment", OUT("fromTurn", INT, 0, ""), OUT("toTurn", INT, 0, ""),
       OUT("count", INT, 0, ""), OUT("sha256", TEXT, 0, "of its lines"), OUT("bytes", INT, 0, ""),
       OUT("storedBytes", INT, 0, ""), OUT("createdAt", INSTANT, FIELD_NULLABLE, ""));
static const struct shape_part archive_parts[] = {{"data", &world_segment_shape, PART_LIST}};
ANSWER_PARTS(world_archive, "WorldArchive", archive_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
SHAPE_OF(world_back, "WorldFromBackup", 0,
         ARG("backup", TEXT, FIELD_REQUIRED, 1, 63, "its name in DIR/backups"),
         ARG("worldId", TEXT, FIELD_REQUIRED, 1, 128, ""));
SHAPE_OF(world_restore, "WorldRestore", 0,
         ARG("fromTurn", INT, FIELD_REQUIRED, 0, INT64_MAX, "a turn of the segment"));
ANSWER(world_restore_answer, "WorldRestoreAnswer", OUT("success", BOOL, 0, ""),
       OUT("restored", INT, 0, "interactions put back; those that were there are left alone"),
       OUT("fromTurn", INT, 0, ""), OUT("toTurn", INT, 0, ""));
SHAPE_OF(world_context_query, "WorldContextQuery", 0, ARG("query", TEXT, 0, 1, 4000, "what it is about"),
         ARG("limit", INT, 0, 1, 1200, "memories; 30"));
static const struct shape_part context_parts[] = {{"summaries", &world_summary_shape, PART_LIST},
                                                  {"memories", NULL, PART_LIST},
                                                  {"recent", NULL, PART_LIST}};
const struct shape world_context_shape = {.name = "WorldContext",
                                          .fields = (const struct field[]){{}},
                                          .field_count = &(const size_t){0},
                                          .parts = context_parts,
                                          .part_count = 3,
                                          .is_open = true};

/* ---- all worlds ---- */
ANSWER(pause_stats, "PauseStats", OUT("totalPaused", INT, 0, "every paused world"), OUT("by24h", INT, 0, ""),
       OUT("by7d", INT, 0, ""), OUT("by30d", INT, 0, ""), OUT("scheduledForDeletion", INT, 0, ""),
       OUT("manual", INT, 0, ""), OUT("system", INT, 0, ""), OUT("vacation", INT, 0, ""));
static const struct shape_part impact_parts[] = {{"unitPrices", NULL, PART_OBJECT},
                                                 {"storage", NULL, PART_OBJECT}};
SHAPE_OF(worlds_impact_query, "WorldsImpactQuery", 0,
         ARG("days", INT, 0, 1, 36500, "the last so many; default all"));
ANSWER_PARTS(worlds_impact, "WorldsImpact", impact_parts, OUT("worlds", INT, 0, ""),
             OUT("pausedWorlds", INT, 0, ""), OUT("inactiveShare", REAL3, 0, ""),
             OUT("zombies", INT, 0, "running, but idle for a day"), OUT("zombieShare", REAL3, 0, ""),
             OUT("pausedWorldHours", REAL3, 0, ""), OUT("savedUSD", REAL3, 0, "the sum over real pauses"),
             OUT("pauses", INT, 0, ""), OUT("resumed", INT, 0, ""), OUT("resumeRate", REAL3, 0, ""),
             OUT("perWorldDayUSD", REAL3, 0, ""), OUT("method", TEXT, 0, "how savedUSD is made"));
SHAPE_OF(worlds_trend_query, "WorldsTrendQuery", 0, ARG("days", INT, 0, 1, 366, "the last so many; 30"));
static const struct shape_part trend_day_parts[] = {{"reasons", NULL, PART_OBJECT}};
ANSWER_PARTS(trend_day, "WorldsTrendDay", trend_day_parts, OUT("day", TEXT, 0, "2026-11-21, in the zone"),
             OUT("from", INSTANT, 0, "when it began"), OUT("paused", INT, 0, "pauses that began"),
             OUT("resumed", INT, 0, "pauses that somebody ended"), OUT("archived", INT, 0, ""),
             OUT("marked", INT, 0, "for deletion"), OUT("deleted", INT, 0, "erased ones, too"),
             OUT("pausedWorlds", INT, 0, "paused when it ended"),
             OUT("savedUSD", REAL3, 0, "by the cost ledger"));
static const struct shape_part trend_parts[] = {{"data", &trend_day_shape, PART_LIST}};
ANSWER_PARTS(worlds_trend, "WorldsTrend", trend_parts, OUT("timezone", TEXT, 0, "whose days these are"),
             OUT("pauses", INT, 0, "that began in these days"), OUT("resumed", INT, 0, "of them"),
             OUT("resumeRate", REAL3, 0, ""), OUT("savedUSD", REAL3, 0, "in these days"));
SHAPE_OF(cost_model_query, "CostModelQuery", 0, ARG("worlds", INT, 0, 0, 1000000000, "1000"),
         ARG("inactiveShare", TEXT, 0, 1, 20, "from 0 to 1; 0.5"));
static const struct shape_part cost_parts[] = {{"unitPrices", NULL, PART_OBJECT},
                                               {"projection", NULL, PART_OBJECT}};
ANSWER_PARTS(cost_model, "CostModel", cost_parts, OUT("perWorldDayUSD", REAL3, 0, ""),
             OUT("perWorldMonthUSD", REAL3, 0, ""), OUT("daysPerMonth", INT, 0, ""));
SHAPE_OF(worlds_why_query, "WorldsWhyQuery", 0,
         ARG("worlds", TEXT, 0, 1, 13000, "of these alone: up to 100 ids, separated by commas"),
         ARG("cursor", TEXT, 0, 1, 128, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, LIMIT_PAGE, "rows of a page; 100"));
static const struct shape_part worlds_why_parts[] = {{"data", &should_pause_shape, PART_LIST}};
ANSWER_PARTS(worlds_why, "WorldsWhy", worlds_why_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
SHAPE_OF(worlds_mails_query, "WorldMailsQuery", 0,
         ARG("cursor", TEXT, 0, 1, 200, "nextCursor of the page before"),
         ARG("limit", INT, 0, 1, LIMIT_PAGE, "rows of a page; 100"),
         ARG("world", TEXT, 0, 1, 128, "about this world"));
ANSWER(world_mail, "WorldMail", OUT("id", TEXT, 0, ""), OUT("worldId", TEXT, 0, ""),
       OUT("kind", TEXT, 0, "archive, mark, deletion, paused"), OUT("spellAt", INSTANT, FIELD_NULLABLE, ""),
       OUT("ownerId", TEXT, FIELD_NULLABLE, ""), OUT("address", TEXT, FIELD_NULLABLE, ""),
       OUT("locale", TEXT, FIELD_NULLABLE, ""), OUT("subject", TEXT, 0, ""), OUT("body", TEXT, 0, ""),
       OUT("createdAt", INSTANT, FIELD_NULLABLE, ""),
       OUT("sentAt", INSTANT, FIELD_NULLABLE, "null: not yet"));
static const struct shape_part worlds_mails_parts[] = {{"data", &world_mail_shape, PART_LIST}};
ANSWER_PARTS(worlds_mails, "WorldMails", worlds_mails_parts, OUT("nextCursor", TEXT, FIELD_NULLABLE, ""));
const struct shape world_settings_shape = {.name = "WorldSettings",
                                           .fields = world_settings_fields,
                                           .field_count = &world_settings_field_count};
