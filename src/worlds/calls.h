/* The functions behind the calls, declared from their table. */
#pragma once
#include "worlds/worlds.h"

#define CALL(name, fn, flags, help) world_call_fn fn;
#include "worlds/calls.def"
#undef CALL
