/* The inside of a zone, for tz.c (searching), tzdb.c (files) and schedule.c, which asks for the generation in
 * its innermost loop. Nobody else includes it. */
#pragma once
#include "base/buf.h"
#include "sys/os_tree.h"
#include "time/tz.h"
#include "time/tzif.h"

struct tz {
  char name[TZ_NAME_MAX + 1];
  struct tz_table table;
  struct buf content;
  char sha256[65];
  uint32_t generation;
  bool is_pinned; /* given by tzdb_add or built in: never read from the folder */
  bool is_gone;   /* the file is missing or damaged now */
  struct os_file_state state;
  struct tz *next;
};
