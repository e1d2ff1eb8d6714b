/* Worlds over HTTP: one handler for every line of world_routes.def, and the two pages of a keep link. It says who asks
 * and audits; what may be done and what it means is the call's (worlds/). */
#pragma once
#include "api/call.h"
#include "worlds/worlds.h"

extern const struct shape world_back_shape, worlds_query_shape, world_page_shape, world_new_shape,
    world_edit_shape, world_shape, worlds_status_shape, world_import_answer_shape, world_erase_answer_shape,
    world_message_shape, world_message_answer_shape, world_touch_shape, world_touch_answer_shape,
    world_tick_shape, world_tick_answer_shape, world_pause_shape, world_pause_answer_shape,
    world_resume_answer_shape, world_favorite_shape, world_favorite_answer_shape, world_vacation_shape,
    world_vacation_answer_shape, should_pause_shape, world_narrative_shape, world_state_shape,
    world_state_input_shape, world_state_answer_shape, world_members_shape, world_member_answer_shape,
    world_page_query_shape, world_events_query_shape, world_event_answer_shape, world_events_shape,
    world_event_new_shape, world_event_shape, world_history_shape, world_summaries_query_shape,
    world_summaries_shape, world_summary_edit_shape, world_summary_shape, world_archive_query_shape,
    world_archive_shape, world_segment_shape, world_restore_shape, world_restore_answer_shape,
    world_context_query_shape, world_context_shape, pause_stats_shape, worlds_impact_query_shape,
    worlds_impact_shape, worlds_trend_query_shape, worlds_trend_shape, cost_model_query_shape,
    cost_model_shape, worlds_why_query_shape, worlds_why_shape, worlds_mails_query_shape, worlds_mails_shape,
    world_settings_shape, keep_query_shape, world_mail_shape, world_member_shape, world_note_shape;

route_handler world_route, keep_page, keep_post, keep_style;

/* The actor of a request about worlds. Pure.
 *   a service token: the end user it names (user), else the application itself
 *   an admin: the admin; with an override the owner's deeds as well
 *   a session or a token of an account: that user
 *   anything else: ERR_FORBIDDEN, as is naming a user or an override without being entitled to it. */
struct world_asking { /* what a request says of itself */
  const struct who *who;
  struct str user; /* CALL_USER_HEADER; STR_NONE: not sent */
  bool is_override;
};
struct world_asker {
  enum world_actor_kind kind;
  const char *user_id; /* NULL: none */
  const char *name;    /* for the lifeline */
};
enum err world_asker_of(const struct world_asking *said, struct arena *arena, struct world_asker *ret,
                        struct err_detail *detail);
