/* Handlers of /api/admin/cron-jobs (seed A), the two cron endpoints (seed B), the audit log, backups, settings. */
#pragma once
#include "api/call.h"

extern const struct shape admin_jobs_shape, admin_action_shape, admin_answer_shape;
route_handler admin_jobs_get, admin_jobs_post;

extern const struct shape cron_query_shape, cron_answer_shape;
route_handler cron_get, cron_post;

extern const struct shape audit_log_query_shape, audit_log_page_shape, audit_verify_shape, ledger_query_shape,
    ledger_answer_shape, backup_request_shape, backup_answer_shape;
route_handler audit_log_list, audit_log_verify, ledger_audit, backup_create;

extern const struct shape setting_fields_shape;
route_handler settings_get, settings_fields_get, settings_edit;
