/* The archive's part of a world's export. */
#pragma once
#include "worlds/worlds.h"

/* fn gets each segment as a JSON object without its outer braces' key: {fromTurn, …, lines}. */
typedef enum err export_segment_fn(void *arg, const json_t *segment, struct err_detail *detail);
enum err export_each_segment(struct lane *l, struct str world_id, export_segment_fn *fn, void *arg);
/* Puts one back; ERR_INVALID: its lines do not have their hash. */
enum err export_put_segment(struct lane *l, struct str world_id, const json_t *segment, int64_t now_ms);
enum err export_forget_segments(struct lane *l, struct str world_id);
