/* The live stream (server-sent events): one subscription to the engine, each event formatted once and given to
 * every client that wants it. A client that reads too slowly loses events and gets `resync` as soon as it
 * reads again; rights are checked again with each heartbeat. */
#pragma once
#include "api/call.h"

#define STREAMS_MAX 1000
#define STREAMS_OF_ONE_MAX 50 /* of one actor */
#define STREAM_HEARTBEAT_MS 15000

struct streams;
enum err streams_new(struct api *a, struct streams **ret);
void streams_free(struct streams *s); /* the HTTP server has closed its streams before */

/* counters_event has changed. */
void streams_tell_counters(struct streams *s);

extern const struct shape stream_query_shape, logs_stream_query_shape;
route_handler stream_get, logs_stream_get;

/* "<epoch>-<seq>". False when it is anything else. Pure. */
bool event_id_parse(struct str text, int64_t *ret_epoch, int64_t *ret_seq);
