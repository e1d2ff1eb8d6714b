/* Handlers of executors, schedule/explain, dashboard, monitoring, logs, configuration, health and metrics. */
#pragma once
#include "api/call.h"

extern const struct shape executors_shape, explain_query_shape, explain_answer_shape, dashboard_shape,
    monitoring_shape, logs_query_shape, logs_answer_shape, config_answer_shape;
route_handler executors_get, schedule_explain_it, dashboard_get, monitoring_get, logs_get, config_show;

extern const struct shape health_shape, health_query_shape, version_shape;
route_handler livez, readyz, healthz, version_get, metrics_get, openapi_get;
