/* OnCalendar= of systemd timers (systemd.time(7)) as schedules of ours. Pure. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* "Mon..Fri *-*-* 02:00:00 Europe/Madrid" → "0 2 * * Mon-Fri" and the zone (borrowed; STR_NONE: none is named). What
 * has no equal here (the last days of a month by "~", fractions of seconds) is ERR_INVALID with the reason. */
enum err systemd_calendar(struct str text, struct buf *out, struct str *ret_zone, struct err_detail *detail);
